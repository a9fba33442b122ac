# What the pipeline's file decides: `python -m sessionize describe --config FILE --terraform` writes
# these five into pipeline.auto.tfvars.json.

variable "pipeline" {
  description = "The pipeline's name: what is made is named after it."
  type        = string
}

variable "raw" {
  description = "Where Firehose lands: `raw` of the pipeline's file."
  type        = object({ bucket = string, prefix = string })
}

variable "lake" {
  description = "Where the pipeline publishes: `lake` of the pipeline's file."
  type        = object({ bucket = string, prefix = string })
}

variable "landing_prefix" {
  description = "An hour's folder below `raw`, as Firehose writes it; empty: YYYY/MM/DD/HH/."
  type        = string
  default     = ""
}

variable "tables" {
  description = "The datasets: columns, partitions and properties of their tables."
  type = map(object({
    columns    = list(object({ name = string, type = string }))
    partitions = list(string)
    parameters = map(string)
  }))
}

# What is left to choose.

variable "region" {
  description = "Where everything is made."
  type        = string
}

variable "buffer" {
  description = "Firehose lands an object after so many MiB or seconds, whichever is first."
  type        = object({ mebibytes = optional(number, 128), seconds = optional(number, 900) })
  default     = {}

  validation {
    condition     = var.buffer.seconds >= 60 && var.buffer.seconds <= 900 && var.buffer.mebibytes <= 128
    error_message = "Firehose buffers for 60 to 900 seconds, and 128 MiB at most."
  }
}

variable "compression" {
  description = "How Firehose compresses: GZIP, ZIP, Snappy, HADOOP_SNAPPY or UNCOMPRESSED."
  type        = string
  default     = "GZIP"
}

variable "partition_by" {
  description = <<-EOT
    One stream for several pipelines: a field of the records (`query`, as jq has it) is a folder
    `key=value/` before the hour's. Each pipeline then has `[landing] prefix = "key=its-value/%Y/…"`.
    Firehose charges for it.
  EOT
  type        = object({ key = string, query = string })
  default     = null

  validation {
    condition     = var.partition_by == null || can(regex("^${var.partition_by.key}=[^/]+/", var.landing_prefix))
    error_message = "The pipeline's `[landing] prefix` must begin with `KEY=VALUE/`, KEY as in partition_by."
  }
}

variable "kms_key_arn" {
  description = <<-EOT
    The key that encrypts buckets, queue, stream and logs; null: keys that AWS manages. Its policy
    must let the services use it: `s3.amazonaws.com` for the queue, `logs.REGION.amazonaws.com`.
  EOT
  type        = string
  default     = null
}

variable "keep" {
  description = <<-EOT
    For how many days things are kept; null: for ever. `replay`: claims and state, as long as hours
    may be run again; `raw`: at least as long; `replaced`: what has been replaced or removed.
  EOT
  type = object({
    raw      = optional(number)
    replay   = optional(number)
    replaced = optional(number, 7)
    results  = optional(number, 30)
  })
  default = {}

  validation {
    # A run looks for stragglers in claims of the last seven days, and open sessions may be as old.
    condition     = var.keep.replay == null ? true : var.keep.replay >= 15
    error_message = "Claims and state are needed for a week back and more: keep.replay is at least 15."
  }
  validation {
    condition     = var.keep.raw == null ? true : var.keep.replay == null ? false : var.keep.raw >= var.keep.replay
    error_message = "An hour that is run again reads its objects: keep.raw is at least keep.replay, which must be set."
  }
}

variable "principals" {
  description = <<-EOT
    Who may take on each role: ARNs of users and roles. `pipeline` is for Airflow that runs elsewhere
    than in MWAA.
  EOT
  type = object({
    producer = optional(list(string), [])
    pipeline = optional(list(string), [])
    reader   = optional(list(string), [])
  })
  default = {}
}

variable "readable" {
  description = "The tables that the role of readers may read; null: all. Quarantine holds whole records."
  type        = list(string)
  default     = null
}

variable "alarm_topics" {
  description = "ARNs of SNS topics that are told of alarms."
  type        = list(string)
  default     = []
}

variable "scan_limit_gib" {
  description = "A query of Athena's that scans more is ended."
  type        = number
  default     = 100
}

variable "mwaa" {
  description = <<-EOT
    An environment of Amazon MWAA; null: none. `package` is the folder that `make mwaa` writes;
    two private subnets, which reach S3, SQS, CloudWatch and a package index.
  EOT
  type = object({
    package         = string
    subnets         = list(string)
    security_groups = list(string)
    airflow_version = optional(string, "3.3.1")
    class           = optional(string, "mw1.small")
    workers         = optional(number, 4)
    access          = optional(string, "PRIVATE_ONLY")
  })
  default = null
}

variable "emr" {
  description = "An application of EMR Serverless for `sessionize bulk`; null: none."
  type = object({
    release         = optional(string, "emr-spark-8.0.0")
    subnets         = optional(list(string), [])
    security_groups = optional(list(string), [])
    cpu             = optional(string, "200 vCPU")
    memory          = optional(string, "800 GB")
  })
  default = null
}
