//! Clients of the service in a test: a browser that keeps cookies, the course's simulator, and bytes on
//! a socket.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower::ServiceExt;

use crate::harness::{DEADLINE, SIMULATOR};
use crate::html::Page;

/// Sends bytes as they are and reads until the server closes.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    exchange(address, bytes, false).await
}

/// The same, and says that nothing more will come.
pub async fn raw_and_end(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    exchange(address, bytes, true).await
}

async fn exchange(address: SocketAddr, bytes: &[u8], end: bool) -> Vec<u8> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let mut answer = Vec::new();
    // At once: a server that refuses early stops reading, and then closes.
    let writing = async {
        let _refused_early = writer.write_all(bytes).await;
        if end {
            let _refused_early = writer.shutdown().await;
        }
        std::future::pending::<()>().await;
    };
    let reading = async {
        let _reset = reader.read_to_end(&mut answer).await;
    };
    let both = async {
        tokio::select! {
            () = reading => {},
            () = writing => {},
        }
    };
    assert!(tokio::time::timeout(DEADLINE, both).await.is_ok(), "the server does not close");
    answer
}

/// A request with the one header that every client sends.
pub fn request(method: Method, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path).header(HOST, "localhost")
}

/// The whole answer of a router.
pub async fn send(router: &Router, request: Request<Body>) -> Answer {
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    /// The body as HTML.
    pub fn page(&self) -> Page {
        Page::parse(&self.text())
    }

    /// Fails unless the page has an element that this selector matches.
    #[track_caller]
    pub fn has(&self, css: &str) -> &Self {
        assert!(self.page().has(css), "{css} is missing in:\n{}", self.text());
        self
    }

    /// Fails if the page has an element that this selector matches.
    #[track_caller]
    pub fn lacks(&self, css: &str) -> &Self {
        assert!(!self.page().has(css), "{css} should not be in:\n{}", self.text());
        self
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Fails unless the page holds this text.
    #[track_caller]
    pub fn shows(&self, text: &str) -> &Self {
        assert!(self.text().contains(text), "{text:?} is missing in:\n{}", self.text());
        self
    }

    /// Fails if the page holds this text.
    #[track_caller]
    pub fn hides(&self, text: &str) -> &Self {
        assert!(!self.text().contains(text), "{text:?} should not be in:\n{}", self.text());
        self
    }

    /// Fails unless the status is this one.
    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{:?}\n{}", self.headers, self.text());
        self
    }

    /// Fails unless it redirects there.
    #[track_caller]
    pub fn goes_to(&self, location: &str) -> &Self {
        self.is(302);
        assert_eq!(self.header(LOCATION.as_str()), location);
        self
    }
}

/// A client of the site that keeps cookies.
#[derive(Clone)]
pub struct Browser {
    pub router: Router,
    pub cookies: Vec<(String, String)>,
    /// Sent with every request.
    pub headers: HeaderMap,
}

impl Browser {
    /// `GET`, without following a redirect.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(request(Method::GET, path), Body::empty()).await
    }

    /// `POST` of a form, without following a redirect.
    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = serde_urlencoded::to_string(form).unwrap();
        let kind = "application/x-www-form-urlencoded";
        self.send(request(Method::POST, path).header(CONTENT_TYPE, kind), body.into()).await
    }

    /// `GET`, and where that leads.
    pub async fn visit(&mut self, path: &str) -> Answer {
        let answer = self.get(path).await;
        self.follow(answer).await
    }

    /// `POST` of a form, and where that leads.
    pub async fn submit(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let answer = self.post(path, form).await;
        self.follow(answer).await
    }

    async fn follow(&mut self, mut answer: Answer) -> Answer {
        for _ in 0..5 {
            if answer.status != StatusCode::FOUND {
                return answer;
            }
            let location = answer.header(LOCATION.as_str()).to_owned();
            answer = self.get(&location).await;
        }
        panic!("redirects do not end");
    }

    /// Any request with this browser's cookies.
    pub async fn send(&mut self, mut request: http::request::Builder, body: Body) -> Answer {
        if !self.cookies.is_empty() {
            let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
            request = request.header(COOKIE, pairs.collect::<Vec<_>>().join("; "));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let answer = send(&self.router, request.body(body).unwrap()).await;
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !cookie.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    /// A cookie's value.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A client of the simulator API.
#[derive(Clone)]
pub struct Simulator {
    pub router: Router,
    /// In front of every path.
    pub mount: &'static str,
}

impl Simulator {
    /// `GET` with credentials.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Some(SIMULATOR), Body::empty()).await
    }

    /// `POST` of JSON with credentials.
    pub async fn post(&self, path: &str, body: serde_json::Value) -> Answer {
        self.send(Method::POST, path, Some(SIMULATOR), body.to_string().into()).await
    }

    /// Any request.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        authorization: Option<&str>,
        body: Body,
    ) -> Answer {
        let path = format!("{}{path}", self.mount);
        let mut request = request(method, &path).header(CONTENT_TYPE, "application/json");
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        send(&self.router, request.body(body).unwrap()).await
    }

    /// The id of the last command.
    pub async fn latest(&self) -> i64 {
        self.get("/latest").await.json()["latest"].as_i64().unwrap()
    }
}
