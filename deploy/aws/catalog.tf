resource "aws_glue_catalog_database" "this" {
  name = replace(var.pipeline, "-", "_")
}

resource "aws_glue_catalog_table" "this" {
  for_each      = var.tables
  database_name = aws_glue_catalog_database.this.name
  name          = each.key
  table_type    = "EXTERNAL_TABLE"

  # Partitions are computed from these, so there is none to register, and no crawler.
  parameters = merge(each.value.parameters, { EXTERNAL = "TRUE", classification = "parquet" })

  storage_descriptor {
    location      = "s3://${aws_s3_bucket.this[var.lake.bucket].id}/${var.lake.prefix}/${each.key}/"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    }

    dynamic "columns" {
      for_each = each.value.columns

      content {
        name = columns.value.name
        type = columns.value.type
      }
    }
  }

  dynamic "partition_keys" {
    for_each = each.value.partitions

    content {
      name = partition_keys.value
      type = "string"
    }
  }
}

resource "aws_athena_workgroup" "this" {
  name = "sessionize-${var.pipeline}"

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.scan_limit_gib * 1024 * 1024 * 1024

    result_configuration {
      output_location = "s3://${aws_s3_bucket.this[local.results_bucket].id}/results/"

      encryption_configuration {
        encryption_option = var.kms_key_arn == null ? "SSE_S3" : "SSE_KMS"
        kms_key_arn       = var.kms_key_arn
      }
    }
  }
}
