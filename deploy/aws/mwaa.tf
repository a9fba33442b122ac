# Airflow as a service, with what `make mwaa` writes into build/mwaa.

locals {
  environment = "sessionize-${var.pipeline}"
  package     = var.mwaa == null ? "" : var.mwaa.package
  package_files = var.mwaa == null ? [] : setunion(
    fileset(local.package, "dags/**"), fileset(local.package, "*.*")
  )
}

resource "aws_s3_object" "package" {
  #checkov:skip=CKV_AWS_186:the bucket encrypts, with a key of one's own where kms_key_arn is given
  for_each    = local.package_files
  bucket      = aws_s3_bucket.this[local.package_bucket].id
  key         = each.value
  source      = "${local.package}/${each.value}"
  source_hash = filemd5("${local.package}/${each.value}")

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_iam_role_policy" "mwaa" {
  #checkov:skip=CKV_AWS_290:the list is the one that MWAA's documentation gives
  #checkov:skip=CKV_AWS_355:the list is the one that MWAA's documentation gives
  count = var.mwaa == null ? 0 : 1
  name  = "mwaa"
  role  = aws_iam_role.this["pipeline"].id

  policy = templatefile("${path.module}/policies/mwaa.json.tftpl", {
    package_bucket = aws_s3_bucket.this[local.package_bucket].arn
    environment    = local.environment
    partition      = local.aws
    region         = var.region
    account        = local.account
  })
}

resource "aws_mwaa_environment" "this" {
  count                            = var.mwaa == null ? 0 : 1
  name                             = local.environment
  airflow_version                  = var.mwaa.airflow_version
  environment_class                = var.mwaa.class
  min_workers                      = 1
  max_workers                      = var.mwaa.workers
  webserver_access_mode            = var.mwaa.access
  execution_role_arn               = aws_iam_role.this["pipeline"].arn
  kms_key                          = var.kms_key_arn
  source_bucket_arn                = aws_s3_bucket.this[local.package_bucket].arn
  dag_s3_path                      = "dags"
  requirements_s3_path             = "requirements.txt"
  requirements_s3_object_version   = aws_s3_object.package["requirements.txt"].version_id
  plugins_s3_path                  = "plugins.zip"
  plugins_s3_object_version        = aws_s3_object.package["plugins.zip"].version_id
  startup_script_s3_path           = "startup.sh"
  startup_script_s3_object_version = aws_s3_object.package["startup.sh"].version_id

  network_configuration {
    subnet_ids         = var.mwaa.subnets
    security_group_ids = var.mwaa.security_groups
  }

  logging_configuration {
    dag_processing_logs {
      enabled   = true
      log_level = "INFO"
    }
    scheduler_logs {
      enabled   = true
      log_level = "INFO"
    }
    task_logs {
      enabled   = true
      log_level = "INFO"
    }
    webserver_logs {
      enabled   = true
      log_level = "INFO"
    }
    worker_logs {
      enabled   = true
      log_level = "INFO"
    }
  }

  depends_on = [aws_iam_role_policy.this, aws_iam_role_policy.mwaa, aws_s3_bucket_public_access_block.this]
}
