# An hour's run begins `delivery_wait` after its end. What Firehose holds for longer lands behind it.
resource "aws_cloudwatch_metric_alarm" "delivery" {
  alarm_name          = "${var.pipeline}-delivery-late"
  alarm_description   = "The oldest record in Firehose waits longer than its buffer: it lands after its hour has run."
  namespace           = "AWS/Firehose"
  metric_name         = "DeliveryToS3.DataFreshness"
  dimensions          = { DeliveryStreamName = aws_kinesis_firehose_delivery_stream.this.name }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.buffer.seconds + 300
  period              = 300
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topics
  ok_actions          = var.alarm_topics
}

resource "aws_cloudwatch_metric_alarm" "dead" {
  alarm_name          = "${var.pipeline}-landed-dead"
  alarm_description   = "Messages of landed objects that were received again and again and never deleted."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead.name }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topics
  ok_actions          = var.alarm_topics
}
