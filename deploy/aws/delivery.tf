locals {
  raw_arn = aws_s3_bucket.this[var.raw.bucket].arn
  key     = var.partition_by == null ? "" : var.partition_by.key

  # Without an expression in it, Firehose adds YYYY/MM/DD/HH/ to a prefix by itself.
  landing = local.key == "" ? var.landing_prefix : replace(
    var.landing_prefix, "/^${local.key}=[^/]+/", "${local.key}=!{partitionKeyFromQuery:${local.key}}"
  )
}

resource "aws_kinesis_firehose_delivery_stream" "this" {
  #checkov:skip=CKV_AWS_241:with a key of one's own where kms_key_arn is given
  name        = var.pipeline
  destination = "extended_s3"

  server_side_encryption {
    enabled  = true
    key_type = var.kms_key_arn == null ? "AWS_OWNED_CMK" : "CUSTOMER_MANAGED_CMK"
    key_arn  = var.kms_key_arn
  }

  extended_s3_configuration {
    role_arn            = aws_iam_role.this["firehose"].arn
    bucket_arn          = local.raw_arn
    prefix              = "${var.raw.prefix}/${local.landing}"
    error_output_prefix = "${var.raw.prefix}-failed/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/"
    buffering_size      = local.key == "" ? var.buffer.mebibytes : max(64, var.buffer.mebibytes)
    buffering_interval  = var.buffer.seconds
    compression_format  = var.compression
    custom_time_zone    = "UTC"
    kms_key_arn         = var.kms_key_arn

    dynamic "dynamic_partitioning_configuration" {
      for_each = local.key == "" ? [] : [true]

      content {
        enabled = true
      }
    }

    # Records that stand in one by aggregation are taken apart, and each has its own value.
    dynamic "processing_configuration" {
      for_each = local.key == "" ? [] : [true]

      content {
        enabled = true

        processors {
          type = "RecordDeAggregation"

          parameters {
            parameter_name  = "SubRecordType"
            parameter_value = "JSON"
          }
        }

        processors {
          type = "MetadataExtraction"

          parameters {
            parameter_name  = "JsonParsingEngine"
            parameter_value = "JQ-1.6"
          }
          parameters {
            parameter_name  = "MetadataExtractionQuery"
            parameter_value = "{${local.key}:${var.partition_by.query}}"
          }
        }
      }
    }

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.firehose.name
      log_stream_name = aws_cloudwatch_log_stream.firehose.name
    }
  }

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_cloudwatch_log_group" "firehose" {
  #checkov:skip=CKV_AWS_338:what Firehose could not deliver is looked into within weeks
  name              = "/aws/kinesisfirehose/${var.pipeline}"
  retention_in_days = 90
  kms_key_id        = var.kms_key_arn
}

resource "aws_cloudwatch_log_stream" "firehose" {
  name           = "delivery"
  log_group_name = aws_cloudwatch_log_group.firehose.name
}
