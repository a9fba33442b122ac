locals {
  results_bucket = "${var.lake.bucket}-athena"
  package_bucket = "${var.lake.bucket}-mwaa"

  # `raw` and `lake` may share a bucket.
  buckets = toset(concat(
    [var.raw.bucket, var.lake.bucket, local.results_bucket],
    var.mwaa == null ? [] : [local.package_bucket],
  ))

  expiring = concat(
    var.keep.raw == null ? [] : [
      { id = "raw", bucket = var.raw.bucket, prefix = "${var.raw.prefix}/", days = var.keep.raw },
    ],
    var.keep.replay == null ? [] : [
      for name in ["_claims", "_state"] :
      { id = name, bucket = var.lake.bucket, prefix = "${var.lake.prefix}/${name}/", days = var.keep.replay }
    ],
    [{ id = "results", bucket = local.results_bucket, prefix = "", days = var.keep.results }],
  )
}

# Access is logged by CloudTrail's data events where it must be: server access logs are delivered at
# best effort. A copy in another region is the account's to decide, and doubles the costs.
resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:CloudTrail's data events are the account's to switch on
  #checkov:skip=CKV_AWS_144:a copy in another region is the account's to decide
  #checkov:skip=CKV2_AWS_62:the bucket of `raw` notifies; nothing waits for what others hold
  for_each = local.buckets
  bucket   = each.key
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each                = aws_s3_bucket.this
  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  #checkov:skip=CKV_AWS_300:the first rule does; the check does not see it beside a dynamic one
  for_each = aws_s3_bucket.this
  bucket   = each.value.id

  # What an upload in parts leaves that has not been ended: nobody sees it, and it costs.
  rule {
    id     = "unfinished"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  # Staging is written and removed with every hour: its versions would pile up.
  rule {
    id     = "replaced"
    status = "Enabled"
    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.keep.replaced
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  dynamic "rule" {
    for_each = [for rule in local.expiring : rule if rule.bucket == each.key]

    content {
      id     = rule.value.id
      status = "Enabled"

      filter {
        prefix = rule.value.prefix
      }

      expiration {
        days = rule.value.days
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

data "aws_iam_policy_document" "bucket" {
  for_each = aws_s3_bucket.this

  statement {
    sid       = "OnlyEncryptedOnTheWay"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [each.value.arn, "${each.value.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id
  policy   = data.aws_iam_policy_document.bucket[each.key].json

  depends_on = [aws_s3_bucket_public_access_block.this]
}
