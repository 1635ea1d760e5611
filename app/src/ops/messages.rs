//! The page Messages of the panel: what people posted, newest first, hidden messages too; found by author
//! and text, flagged and unflagged by operators. The flag hides a message from every reader and deletes
//! nothing; what authors delete themselves is listed without its text.

use admin::{HostError, OperatorForm, OwnPage, PanelError, Params, audit, format};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use logsearch::fields;
use logsearch::query::Query;
use logsearch::record::ValueRef;

use crate::db::{Db, MessageFilter, ModeratedMessage};

/// The page, below the prefix of the panel.
pub const PATH: &str = "/moderation";
/// Where the flag of a message is set.
pub const MESSAGE_PATH: &str = "/moderation/{id}";
/// Messages per page.
const ROWS: i64 = 50;
/// Characters of a text that are searched for.
const TEXT: usize = 200;

/// Which messages a page can show: value, title, whether they are flagged.
const SHOWN: [(&str, &str, Option<bool>); 3] =
    [("", "all", None), ("flagged", "flagged", Some(true)), ("shown", "not flagged", Some(false))];

#[derive(Template)]
#[template(path = "panel_messages.html", escape = "panel")]
struct MessagesPage {
    here: String,
    keep: Vec<(&'static str, String)>,
    may_change: bool,
    list: List,
    shows: Vec<(&'static str, &'static str, bool)>,
    rows: Vec<Row>,
    first: Option<String>,
    older: Option<String>,
}

struct Row {
    message: ModeratedMessage,
    when: String,
    when_full: String,
    of_author: String,
    logs: String,
    action: String,
}

/// Which messages to list: the state of the page, all of it in its address.
#[derive(Clone, Default)]
struct List {
    author: String,
    text: String,
    show: &'static str,
    flagged: Option<bool>,
    before: Option<i64>,
}

impl List {
    fn parse(params: &Params) -> Self {
        let text = |name| -> String {
            params.get(name).unwrap_or_default().trim().chars().take(TEXT).collect()
        };
        let wanted = params.get("show").unwrap_or_default();
        let (show, _, flagged) =
            *SHOWN.iter().find(|(value, ..)| *value == wanted).unwrap_or(&SHOWN[0]);
        let before = params.get("before").and_then(|before| before.parse().ok());
        Self { author: text("author"), text: text("q"), show, flagged, before }
    }

    fn filter(&self) -> MessageFilter<'_> {
        MessageFilter {
            author: Some(self.author.as_str()).filter(|author| !author.is_empty()),
            text: &self.text,
            flagged: self.flagged,
            before: self.before,
        }
    }

    fn url(&self, page: &OwnPage) -> String {
        let before = self.before.map(|before| before.to_string()).unwrap_or_default();
        let parameters = [
            ("q", &*self.text),
            ("author", &self.author),
            ("show", self.show),
            ("before", &before),
        ];
        page.url(PATH, &parameters)
    }
}

/// `GET /moderation`.
pub async fn show(State(db): State<Db>, page: OwnPage) -> Result<Response, PanelError> {
    let list = List::parse(page.params());
    let found = db.moderated_messages(list.filter(), ROWS).await;
    let (messages, next) = found.map_err(HostError::from)?;
    let part = |before| List { before, ..list.clone() }.url(&page);
    let body = MessagesPage {
        here: page.url(PATH, &[]),
        keep: page.keep(),
        may_change: page.operator().may_change(),
        shows: SHOWN.map(|(value, title, _)| (value, title, value == list.show)).to_vec(),
        rows: messages.into_iter().map(|message| row(message, &page)).collect(),
        first: list.before.map(|_| part(None)),
        older: next.map(|next| part(Some(next))),
        list,
    };
    page.render("Messages", PATH, &body)
}

fn row(message: ModeratedMessage, page: &OwnPage) -> Row {
    let clause = Query::value_clause(fields::USER_NAME, ValueRef::Str(&message.author));
    let of_author = List { author: message.author.clone(), ..List::default() };
    Row {
        when: format::day_time(message.pub_date),
        when_full: format::rfc3339_short(message.pub_date),
        of_author: of_author.url(page),
        logs: page.logs(&clause),
        action: page.url(&MESSAGE_PATH.replace("{id}", &message.id.to_string()), &[]),
        message,
    }
}

/// `POST /moderation/{id}`: flags the message or takes the flag away, and goes back to the list.
pub async fn set_flagged(
    State(db): State<Db>,
    Path(id): Path<i64>,
    page: OwnPage,
    OperatorForm { by, form }: OperatorForm,
) -> Result<Response, PanelError> {
    let (flagged, action, done) = match form.get("set") {
        Some("flagged") => (true, "message.flag", "flagged"),
        Some("shown") => (false, "message.unflag", "unflagged"),
        _ => return Err(PanelError::Invalid("Invalid form: choose flag or unflag.".to_owned())),
    };
    let changed = db.set_flagged(id, flagged).await.map_err(HostError::from)?;
    let message = db.moderated_message(id).await.map_err(HostError::from)?;
    let author = message.ok_or(PanelError::NotFound)?.author;
    if !changed {
        return Err(PanelError::Invalid("The author deleted this message.".to_owned()));
    }
    audit!(
        action,
        by,
        { message.id = id, message.author = author },
        "message {id} of {author} {done}"
    );
    Ok(Redirect::to(&List::parse(&form).url(&page)).into_response())
}
