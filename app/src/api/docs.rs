//! The API described: an `OpenAPI` 3.1 document generated from the handlers, and a page made from the
//! document.

use std::sync::LazyLock;

use askama::Template;
use axum::Json;
use axum::extract::RawQuery;
use axum::response::{Html, IntoResponse, Response};
use http::HeaderMap;
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi as _};

use super::{follows, latest, messages, register};
use crate::assets;
use crate::error::AppError;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "MiniTwit simulator API",
        description = "The API that the simulator of the DevOps course calls. Where the course's published \
            description and its reference server differ, this API follows the server: rejected \
            credentials are 403, lists are bare arrays, times are Unix seconds, follows are plain \
            names, and errors are a single object. The parameter `latest` is recorded before the \
            command runs, even if the command fails; -1 and non-integers are ignored.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        latest::get,
        register::post,
        messages::list,
        messages::list_of_user,
        messages::post,
        follows::list,
        follows::post,
    ),
    tags((name = "simulator", description = "Simulator commands")),
    modifiers(&Credentials),
)]
struct Description;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        let basic = SecurityScheme::Http(Http::new(HttpAuthScheme::Basic));
        components.add_security_scheme("simulator", basic);
    }
}

/// The `OpenAPI` document, generated once.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = serde_json::to_value(Description::openapi()).unwrap_or_default();
    describe_refusals(&mut document);
    sharpen_schemas(&mut document);
    document
});

/// Adds the error responses that every operation can return.
fn describe_refusals(document: &mut Value) {
    let refusal = |description: &str| {
        let schema = json!({"$ref": "#/components/schemas/ApiError"});
        json!({"description": description, "content": {"application/json": {"schema": schema}}})
    };
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (_, path) in paths {
        for (method, operation) in path.as_object_mut().into_iter().flatten() {
            let responses = &mut operation["responses"];
            responses["503"] =
                refusal("Service busy or database unavailable; retry after Retry-After seconds");
            responses["default"] = refusal("Malformed HTTP request, or an internal error");
            if method == "post" {
                responses["413"] = refusal("Request body larger than 64 KiB");
            }
        }
    }
}

/// Adds what the handler types cannot express: responses have no additional fields, and required
/// request fields.
fn sharpen_schemas(document: &mut Value) {
    let schemas = &mut document["components"]["schemas"];
    for answer in ["ApiError", "Follows", "Latest", "Message"] {
        schemas[answer]["additionalProperties"] = json!(false);
    }
    let register = &mut schemas["Register"];
    register["required"] = json!(["username", "email", "pwd"]);
    for field in ["username", "email", "pwd"] {
        register["properties"][field]["minLength"] = json!(1);
    }
    register["properties"]["email"]["pattern"] = json!("@");
    let change = &mut schemas["Change"];
    change["anyOf"] = json!([{"required": ["follow"]}, {"required": ["unfollow"]}]);
    for field in ["follow", "unfollow"] {
        change["properties"][field]["type"] = json!("string");
    }
}

/// `GET /openapi.json`.
pub async fn openapi() -> Json<&'static Value> {
    Json(&DOCUMENT)
}

#[derive(Template)]
#[template(path = "docs.html")]
struct DocsPage {
    title: &'static str,
    description: &'static str,
    operations: Vec<Operation>,
    schemas: Vec<(&'static str, String)>,
}

/// An operation on the documentation page.
struct Operation {
    method: String,
    path: &'static str,
    summary: &'static str,
    description: &'static str,
    needs_credentials: bool,
    body: &'static str,
    parameters: Vec<[&'static str; 3]>,
    responses: Vec<[&'static str; 3]>,
}

/// `GET /docs`.
pub async fn page() -> Result<Response, AppError> {
    let document = &*DOCUMENT;
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(|(method, operation)| self::operation(path, method, operation))
    });
    let schemas = document["components"]["schemas"].as_object().into_iter().flatten();
    let page = DocsPage {
        title: text(&document["info"]["title"]),
        description: text(&document["info"]["description"]),
        operations: operations.collect(),
        schemas: schemas.map(|(name, schema)| (name.as_str(), format!("{schema:#}"))).collect(),
    };
    Ok(Html(page.render()?).into_response())
}

/// `GET /docs.css`: the page's style, also where there is no site.
pub async fn style(query: RawQuery, headers: HeaderMap) -> Result<Response, AppError> {
    assets::get(axum::extract::Path("docs.css".to_owned()), query, headers).await
}

fn operation(path: &'static str, method: &str, operation: &'static Value) -> Operation {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let parameter = |parameter: &'static Value| {
        ["name", "in", "description"].map(|field| text(&parameter[field]))
    };
    let responses = operation["responses"].as_object().into_iter().flatten();
    let response = |(status, response): (&'static String, &'static Value)| {
        let schema = &response["content"]["application/json"]["schema"];
        [status.as_str(), schema_name(schema), text(&response["description"])]
    };
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    Operation {
        method: method.to_ascii_uppercase(),
        path,
        summary: text(&operation["summary"]),
        description: text(&operation["description"]),
        needs_credentials: operation["security"].is_array(),
        body: schema_name(body),
        parameters: parameters.map(parameter).collect(),
        responses: responses.map(response).collect(),
    }
}

/// The schema name of a reference, or of the items of a list.
fn schema_name(schema: &'static Value) -> &'static str {
    let reference = text(&schema["$ref"]);
    let reference = if reference.is_empty() { text(&schema["items"]["$ref"]) } else { reference };
    reference.rsplit('/').next().unwrap_or_default()
}

fn text(value: &'static Value) -> &'static str {
    value.as_str().unwrap_or_default()
}
