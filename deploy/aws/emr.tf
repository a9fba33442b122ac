# Where `sessionize bulk` runs a long history. Nothing is charged while no job runs.
resource "aws_emrserverless_application" "bulk" {
  count         = var.emr == null ? 0 : 1
  name          = "sessionize-${var.pipeline}"
  type          = "spark"
  release_label = var.emr.release

  maximum_capacity {
    cpu    = var.emr.cpu
    memory = var.emr.memory
  }

  auto_start_configuration {
    enabled = true
  }

  auto_stop_configuration {
    enabled              = true
    idle_timeout_minutes = 15
  }

  dynamic "network_configuration" {
    for_each = length(var.emr.subnets) == 0 ? [] : [true]

    content {
      subnet_ids         = var.emr.subnets
      security_group_ids = var.emr.security_groups
    }
  }
}
