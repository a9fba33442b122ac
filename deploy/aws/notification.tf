# What lands is told to a queue, which can wake an hour's run: `[airflow] trigger = "sqs"`.

resource "aws_sqs_queue" "landed" {
  name                              = "${var.pipeline}-landed"
  message_retention_seconds         = 4 * 24 * 3600
  visibility_timeout_seconds        = 60
  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 3600

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 5
  })
}

resource "aws_sqs_queue" "dead" {
  name                              = "${var.pipeline}-landed-dead"
  message_retention_seconds         = 14 * 24 * 3600
  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 3600
}

data "aws_iam_policy_document" "landed" {
  statement {
    sid       = "OfThisBucket"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.landed.arn]

    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.raw_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
  }
}

resource "aws_sqs_queue_policy" "landed" {
  queue_url = aws_sqs_queue.landed.id
  policy    = data.aws_iam_policy_document.landed.json
}

resource "aws_s3_bucket_notification" "raw" {
  bucket = aws_s3_bucket.this[var.raw.bucket].id

  queue {
    id            = "landed"
    queue_arn     = aws_sqs_queue.landed.arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "${var.raw.prefix}/"
  }

  depends_on = [aws_sqs_queue_policy.landed]
}
