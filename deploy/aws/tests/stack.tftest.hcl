# Planned against a provider that makes nothing up but ids: `terraform test`.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\": \"2012-10-17\", \"Statement\": []}" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::mocked" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:123456789012:mocked" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mocked" }
  }
}

variables {
  pipeline = "web"
  region   = "eu-west-1"
  raw      = { bucket = "clicks", prefix = "raw" }
  lake     = { bucket = "clicks", prefix = "lake" }
  tables = {
    sessions = {
      columns    = [{ name = "session_id", type = "string" }, { name = "pages", type = "array<string>" }]
      partitions = ["dt", "hour"]
      parameters = { "projection.enabled" = "true" }
    }
  }
}

run "as_it_is" {
  command = apply

  assert {
    condition     = keys(aws_s3_bucket.this) == ["clicks", "clicks-athena"]
    error_message = "raw and lake share a bucket; results have their own"
  }
  assert {
    condition = alltrue([
      for block in aws_s3_bucket_public_access_block.this :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ])
    error_message = "nothing is public"
  }
  assert {
    condition     = alltrue([for it in aws_s3_bucket_versioning.this : it.versioning_configuration[0].status == "Enabled"])
    error_message = "every bucket keeps versions"
  }
  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this["clicks"].rule : rule.id] == ["unfinished", "replaced"]
    error_message = "nothing current expires unless it is said"
  }
  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this["clicks"].rule[0].abort_incomplete_multipart_upload[0].days_after_initiation == 1
    error_message = "unfinished uploads go after a day"
  }
  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].prefix == "raw/"
    error_message = "Firehose adds the hour by itself"
  }
  assert {
    condition     = startswith(aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].error_output_prefix, "raw-failed/")
    error_message = "what fails does not land in raw"
  }
  assert {
    condition     = length(aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].dynamic_partitioning_configuration) == 0
    error_message = "dynamic partitioning is off unless asked for"
  }
  assert {
    condition     = aws_glue_catalog_table.this["sessions"].storage_descriptor[0].location == "s3://${aws_s3_bucket.this["clicks"].id}/lake/sessions/"
    error_message = "the table lies in the lake"
  }
  assert {
    condition     = [for key in aws_glue_catalog_table.this["sessions"].partition_keys : key.name] == ["dt", "hour"]
    error_message = "partitions as the pipeline writes them"
  }
  assert {
    condition     = length(aws_mwaa_environment.this) == 0 && length(aws_emrserverless_application.bulk) == 0
    error_message = "MWAA and EMR are made only if asked for"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.delivery.threshold > var.buffer.seconds
    error_message = "an alarm at the buffer's own time would ring all day"
  }
}

run "things_expire_if_it_is_said" {
  command = apply
  variables {
    keep = { raw = 120, replay = 90 }
  }

  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.this["clicks"].rule :
      rule.filter[0].prefix => rule.expiration[0].days if contains(["raw", "_claims", "_state"], rule.id)
    } == { "raw/" = 120, "lake/_claims/" = 90, "lake/_state/" = 90 }
    error_message = "raw, claims and state, each after its days"
  }
}

run "raw_outlives_what_reads_it_again" {
  command = plan
  variables {
    keep = { raw = 30, replay = 90 }
  }
  expect_failures = [var.keep]
}

run "claims_are_needed_for_a_week_back" {
  command = plan
  variables {
    keep = { replay = 7 }
  }
  expect_failures = [var.keep]
}

run "another_landing_prefix" {
  command = apply
  variables {
    landing_prefix = "year=!{timestamp:yyyy}/hour=!{timestamp:HH}/"
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].prefix == "raw/year=!{timestamp:yyyy}/hour=!{timestamp:HH}/"
    error_message = "Firehose lands where the pipeline looks"
  }
}

run "a_stream_for_several_pipelines" {
  command = apply
  variables {
    landing_prefix = "app=web/!{timestamp:yyyy}/!{timestamp:MM}/!{timestamp:dd}/!{timestamp:HH}/"
    partition_by   = { key = "app", query = ".app" }
    buffer         = { mebibytes = 16, seconds = 300 }
  }

  assert {
    condition     = startswith(aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].prefix, "raw/app=!{partitionKeyFromQuery:app}/!{timestamp:yyyy}/")
    error_message = "the field's value is the folder"
  }
  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].buffering_size == 64
    error_message = "Firehose takes no smaller buffer with dynamic partitioning"
  }
}

run "a_prefix_that_is_not_of_the_key" {
  command = plan
  variables {
    landing_prefix = "!{timestamp:yyyy}/"
    partition_by   = { key = "app", query = ".app" }
  }
  expect_failures = [var.partition_by]
}

run "a_key_of_ones_own" {
  command = apply
  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  }

  assert {
    condition     = length(aws_iam_role_policy.key) == 4
    error_message = "every role may use the key"
  }
  assert {
    condition = alltrue(flatten([
      for it in aws_s3_bucket_server_side_encryption_configuration.this :
      [for rule in it.rule : rule.apply_server_side_encryption_by_default[0].kms_master_key_id == var.kms_key_arn]
    ]))
    error_message = "every bucket is encrypted with it"
  }
}

run "airflow_and_spark" {
  command = apply
  variables {
    mwaa = {
      package         = "tests/package"
      subnets         = ["subnet-1", "subnet-2"]
      security_groups = ["sg-1"]
    }
    emr = {}
  }

  assert {
    condition     = aws_mwaa_environment.this[0].airflow_version == "3.3.1"
    error_message = "Airflow 3.3"
  }
  assert {
    condition     = sort(keys(aws_s3_object.package)) == tolist(["dags/example.py", "plugins.zip", "requirements.txt", "startup.sh"])
    error_message = "the package is put into the bucket"
  }
  assert {
    condition     = aws_emrserverless_application.bulk[0].type == "spark"
    error_message = "Spark"
  }
}
