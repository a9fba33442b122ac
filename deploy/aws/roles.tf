# A role each for what sends, lands, runs and reads. `tests/deploy/test_policies.py` of the repository
# records what the pipeline asks of S3, and holds its policy against that.

locals {
  account  = data.aws_caller_identity.this.account_id
  aws      = data.aws_partition.this.partition
  lake_arn = aws_s3_bucket.this[var.lake.bucket].arn
  glue     = "arn:${local.aws}:glue:${var.region}:${local.account}"
  database = aws_glue_catalog_database.this.name
  readable = var.readable == null ? keys(var.tables) : var.readable

  services = {
    firehose = ["firehose.amazonaws.com"]
    producer = []
    reader   = []
    pipeline = concat(
      var.mwaa == null ? [] : ["airflow.amazonaws.com", "airflow-env.amazonaws.com"],
      var.emr == null ? [] : ["emr-serverless.amazonaws.com"],
    )
  }

  # Nobody named: whom the account's administrators allow it.
  account_root = ["arn:${local.aws}:iam::${local.account}:root"]
  trusted = {
    firehose = []
    producer = coalescelist(var.principals.producer, local.account_root)
    reader   = coalescelist(var.principals.reader, local.account_root)
    pipeline = coalescelist(var.principals.pipeline, local.account_root)
  }

  policies = {
    firehose = templatefile("${path.module}/policies/firehose.json.tftpl", {
      raw_bucket = local.raw_arn
      raw_prefix = var.raw.prefix
      log_group  = aws_cloudwatch_log_group.firehose.arn
    })
    producer = templatefile("${path.module}/policies/producer.json.tftpl", {
      stream = "arn:${local.aws}:firehose:${var.region}:${local.account}:deliverystream/${var.pipeline}"
    })
    pipeline = templatefile("${path.module}/policies/pipeline.json.tftpl", {
      raw_bucket  = local.raw_arn
      raw_prefix  = var.raw.prefix
      lake_bucket = local.lake_arn
      lake_prefix = var.lake.prefix
      queue       = aws_sqs_queue.landed.arn
    })
    reader = templatefile("${path.module}/policies/reader.json.tftpl", {
      workgroup      = aws_athena_workgroup.this.arn
      lake_bucket    = local.lake_arn
      lake_prefix    = var.lake.prefix
      results_bucket = aws_s3_bucket.this[local.results_bucket].arn
      datasets       = local.readable
      catalog = concat(
        ["${local.glue}:catalog", "${local.glue}:database/${local.database}"],
        [for name in local.readable : "${local.glue}:table/${local.database}/${name}"],
      )
    })
  }
}

data "aws_iam_policy_document" "trust" {
  for_each = local.services

  dynamic "statement" {
    for_each = length(each.value) == 0 ? [] : [true]

    content {
      actions = ["sts:AssumeRole"]

      principals {
        type        = "Service"
        identifiers = each.value
      }

      # The service acts for this account, not for another one that knows the role's name.
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account]
      }
    }
  }

  dynamic "statement" {
    for_each = length(local.trusted[each.key]) == 0 ? [] : [true]

    content {
      actions = ["sts:AssumeRole"]

      principals {
        type        = "AWS"
        identifiers = local.trusted[each.key]
      }
    }
  }
}

resource "aws_iam_role" "this" {
  for_each           = local.services
  name               = "sessionize-${var.pipeline}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.trust[each.key].json
}

resource "aws_iam_role_policy" "this" {
  for_each = local.services
  name     = each.key
  role     = aws_iam_role.this[each.key].id
  policy   = local.policies[each.key]
}

# With a key of one's own, whoever touches what it encrypts needs it too.
data "aws_iam_policy_document" "key" {
  count = var.kms_key_arn == null ? 0 : 1

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
  }
}

resource "aws_iam_role_policy" "key" {
  for_each = var.kms_key_arn == null ? {} : local.services
  name     = "key"
  role     = aws_iam_role.this[each.key].id
  policy   = data.aws_iam_policy_document.key[0].json
}
