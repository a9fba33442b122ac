terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { application = "sessionize", pipeline = var.pipeline }
  }
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
