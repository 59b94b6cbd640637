"""OpenTelemetry: facts become spans, figures and log records, and are sent to Azure Monitor and to OTLP collectors."""
