"""The routes of an HTTP API as SAM writes them, with who authorizes each.

Called by local/emulator_process.py, under the same terms: it fills a gap, by reaching into the emulator.
"""

from ministack.services.cloudformation import provisioners


def routes_from_openapi(api_id: str, properties: dict) -> None:
    """Gap: an HTTP API's Body is ignored, so what SAM writes for HttpApi events has no routes and no authorizer."""
    document = properties.get("Body")
    if not document:
        return
    gateway = provisioners._apigw_v2
    for store in (gateway._routes, gateway._integrations, gateway._authorizers):
        store[api_id] = {}
    schemes = document.get("components", {}).get("securitySchemes", {})
    # What a route says of who authorizes it. A signature needs no authorizer: the emulator checks it, and the caller's policies.
    authorizations = {
        name: {"AuthorizationType": "AWS_IAM"}
        if scheme.get("x-amazon-apigateway-authtype") == "awsSigv4"
        else {"AuthorizationType": "JWT", "AuthorizerId": _jwt_authorizer(api_id, name, scheme)}
        for name, scheme in schemes.items()
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _route(api_id, method, path, operation, authorizations)


def _jwt_authorizer(api_id: str, name: str, scheme: dict) -> str:
    declared = scheme["x-amazon-apigateway-authorizer"]
    if declared["type"] != "jwt":
        raise ValueError(f"authorizer {name}: only type jwt is carried over, not {declared['type']}")
    authorizer_id, _ = provisioners._apigw_v2_authorizer_create(
        name,
        {
            "ApiId": api_id,
            "Name": name,
            "AuthorizerType": "JWT",
            "IdentitySource": [declared["identitySource"]],
            "JwtConfiguration": {
                "Issuer": declared["jwtConfiguration"]["issuer"],
                "Audience": declared["jwtConfiguration"]["audience"],
            },
        },
        None,
    )
    return authorizer_id


def _route(api_id: str, method: str, path: str, operation: dict, authorizations: dict[str, dict]) -> None:
    declared = operation["x-amazon-apigateway-integration"]
    integration_id, _ = provisioners._apigw_v2_integration_create(
        None,
        {
            "ApiId": api_id,
            "IntegrationType": declared["type"].upper(),
            "IntegrationUri": declared["uri"],
            "IntegrationMethod": declared["httpMethod"],
            "PayloadFormatVersion": declared["payloadFormatVersion"],
        },
        None,
    )
    route = {
        "ApiId": api_id,
        "RouteKey": f"{'ANY' if method == 'x-amazon-apigateway-any-method' else method.upper()} {path}",
        "Target": f"integrations/{integration_id}",
    }
    for requirement in operation.get("security", []):
        for name, scopes in requirement.items():
            route |= authorizations[name] | {"AuthorizationScopes": scopes}
    provisioners._apigw_v2_route_create(None, route, None)
