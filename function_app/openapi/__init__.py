"""The service described for programs: OpenAPI 3.1, and Swagger 2.0 for Power BI, made from the model's manifest."""

from function_app.openapi.document import openapi_document
from function_app.openapi.inference import inference_body
from function_app.openapi.subject import Sample, Subject
from function_app.openapi.swagger import swagger_document

__all__ = ["Sample", "Subject", "inference_body", "openapi_document", "swagger_document"]
