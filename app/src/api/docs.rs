//! The API described: an OpenAPI 3.1 document generated from the handlers.

use axum::Json;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi as _};

use super::{follows, latest, messages, register};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "MiniTwit simulator API",
        description = "What the simulator of the DevOps course calls. It differs from the course's \
            published description where its reference server and tests do: refusals are 403, lists \
            are bare, times are whole seconds, follows are plain names, and the body of a refusal is \
            one object. The parameter `latest` is recorded before anything else, refused commands \
            included; what is no integer, or -1, is ignored.",
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
    tags((name = "simulator", description = "Commands of the simulator")),
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

/// The document.
pub fn document() -> OpenApi {
    Description::openapi()
}

/// `GET /openapi.json`.
pub async fn openapi() -> Json<OpenApi> {
    Json(document())
}
