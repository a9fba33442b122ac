output "stream" {
  description = "The delivery stream that producers put records into."
  value       = aws_kinesis_firehose_delivery_stream.this.name
}

output "roles" {
  description = "ARNs of the roles."
  value       = { for name, role in aws_iam_role.this : name => role.arn }
}

output "queue" {
  description = "`[airflow] queue` of the pipeline's file, where `trigger = \"sqs\"`."
  value       = aws_sqs_queue.landed.name
}

output "database" {
  description = "The tables' database in Glue and Athena."
  value       = aws_glue_catalog_database.this.name
}

output "workgroup" {
  description = "Athena's workgroup for readers."
  value       = aws_athena_workgroup.this.name
}

output "airflow" {
  description = "Airflow's user interface, in MWAA."
  value       = var.mwaa == null ? null : "https://${aws_mwaa_environment.this[0].webserver_url}"
}

output "bulk_application" {
  description = "The EMR Serverless application for `sessionize bulk`."
  value       = var.emr == null ? null : aws_emrserverless_application.bulk[0].id
}
