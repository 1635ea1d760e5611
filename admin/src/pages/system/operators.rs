//! Operator accounts and their sessions. Operators manage all accounts, viewers their own. Accounts
//! are disabled and never deleted, because records refer to them.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};

use crate::access::audit::audit;
use crate::access::forms::{OperatorForm, OwnForm};
use crate::access::operator::Operator;
use crate::context::error::PanelError;
use crate::context::links::{Links, path};
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::format;
use crate::host::{Account, AccountChange, Operators, Role, Session, SessionSelector};
use crate::pages::visit::Visit;
use crate::ui::layout::{Layout, Section, render};
use crate::ui::tabs::{self, Tab};

#[derive(Template)]
#[template(path = "operators.html")]
struct OperatorsPage {
    layout: Layout,
    tabs: Vec<Tab>,
    may_change: bool,
    /// Where a POST adds an account.
    add: String,
    rows: Vec<AccountRow>,
    /// Of the account of who looks; nothing when the host does not know them.
    password: Option<String>,
}

struct AccountRow {
    account: Account,
    is_own: bool,
    is_operator: bool,
    created: String,
    created_full: String,
    last_login: String,
    last_login_full: String,
    disabled: String,
    sessions: Vec<SessionRow>,
    /// Where a POST changes the account, and where one ends sessions.
    action: String,
    end: String,
    has_others: bool,
}

struct SessionRow {
    session: Session,
    since: String,
    since_full: String,
    last_seen: String,
}

fn host(panel: &Panel) -> Result<&dyn Operators, PanelError> {
    panel.host.operators().ok_or(PanelError::NotFound)
}

/// `GET /operators`.
pub async fn show(visit: Visit, head: Parts) -> Result<Response, PanelError> {
    let view = visit.frame();
    let mut accounts = host(&visit.panel)?.list(&head).await?;
    accounts.retain(|account| visit.operator.may_change() || account.name == visit.operator.name);
    let is_known = accounts.iter().any(|account| account.name == visit.operator.name);
    let of_own = || visit.panel.links.account(&visit.operator.name, "/password");
    let row =
        |account| account_row(account, &visit.operator, visit.panel.now(), &visit.panel.links);
    render(&OperatorsPage {
        layout: visit.fixed(Section::System, "Operators", path::OPERATORS, &view),
        tabs: tabs::of(&visit.panel, path::OPERATORS, &view),
        may_change: visit.operator.may_change(),
        add: visit.panel.links.path(path::OPERATORS),
        password: is_known.then(of_own),
        rows: accounts.into_iter().map(row).collect(),
    })
}

fn account_row(account: Account, operator: &Operator, now: i64, links: &Links) -> AccountRow {
    let full = |at: Option<i64>| at.map(format::rfc3339_short).unwrap_or_default();
    let ago = |at: i64| format::ago(at, now);
    AccountRow {
        is_own: account.name == operator.name,
        is_operator: account.role == Role::Operator,
        created: format::day_time(account.created),
        created_full: full(Some(account.created)),
        last_login: account.last_login.map_or_else(|| "never".to_owned(), ago),
        last_login_full: full(account.last_login),
        disabled: account.disabled.map(ago).unwrap_or_default(),
        action: links.account(&account.name, ""),
        end: links.account(&account.name, "/sessions"),
        has_others: account.sessions.iter().any(|session| !session.is_current)
            && account.sessions.iter().any(|session| session.is_current),
        sessions: account.sessions.iter().map(|session| session_row(session, now)).collect(),
        account,
    }
}

fn session_row(session: &Session, now: i64) -> SessionRow {
    SessionRow {
        since: format::ago(session.since, now),
        since_full: format::rfc3339_short(session.since),
        last_seen: format::ago(session.last_seen, now),
        session: session.clone(),
    }
}

/// Maps a rejected change to its error.
fn done(change: AccountChange, name: &str) -> Result<(), PanelError> {
    let refused = |sentence: String| Err(PanelError::Refused(sentence));
    match change {
        AccountChange::Done | AccountChange::SessionRenewed(_) => Ok(()),
        AccountChange::Unknown => Err(PanelError::NotFound),
        AccountChange::NameTaken => refused(format!("An account named {name} already exists.")),
        AccountChange::LastOperator => {
            refused(format!("{name} is the last operator; add another one first."))
        }
        AccountChange::WrongPassword => Err(PanelError::Invalid(
            "The current password is wrong; nothing was changed.".to_owned(),
        )),
        AccountChange::Throttled(seconds) => Err(PanelError::Throttled(seconds)),
        AccountChange::Rejected(sentence) => Err(PanelError::Invalid(sentence)),
    }
}

/// To the page that the form stood on.
fn back(panel: &Panel, form: &Params) -> Response {
    Redirect::to(&panel.links.page(path::OPERATORS, &form.frame(panel.now()))).into_response()
}

fn role(form: &Params) -> Result<Role, PanelError> {
    let role = form.get("role").unwrap_or_default().parse();
    role.map_err(|error: &str| PanelError::Invalid(error.to_owned()))
}

/// `POST /operators`: creates an account.
pub async fn add(
    State(panel): State<Arc<Panel>>,
    OperatorForm { by, form }: OperatorForm,
) -> Result<Response, PanelError> {
    let (name, role) = (form.get("name").unwrap_or_default(), role(&form)?);
    let password = form.get("password").unwrap_or_default();
    done(host(&panel)?.add(name, role, password).await?, name)?;
    audit!(
        "operator.add", by, { operator.name = name, operator.role = role.as_str() },
        "operator account added"
    );
    Ok(back(&panel, &form))
}

/// `POST /operators/{name}`: changes the role, or enables or disables the account.
pub async fn change(
    State(panel): State<Arc<Panel>>,
    Path(name): Path<String>,
    head: Parts,
    OperatorForm { by, form }: OperatorForm,
) -> Result<Response, PanelError> {
    let host = host(&panel)?;
    let accounts = host.list(&head).await?;
    let known = accounts.iter().find(|account| account.name == name).ok_or(PanelError::NotFound)?;
    let (role, is_enabled, what) = match form.get("set") {
        Some("role") => (role(&form)?, known.disabled.is_none(), "operator.role"),
        Some("disabled") => (known.role, false, "operator.disable"),
        Some("enabled") => (known.role, true, "operator.enable"),
        _ => return Err(PanelError::Invalid("Invalid form: nothing to change.".to_owned())),
    };
    done(host.change(&name, role, is_enabled).await?, &name)?;
    audit!(
        what, by, { operator.name = name, operator.role = role.as_str() },
        "operator account changed"
    );
    Ok(back(&panel, &form))
}

/// `POST /operators/{name}/password`: changes one's own password.
pub async fn set_password(
    State(panel): State<Arc<Panel>>,
    Path(name): Path<String>,
    OwnForm { operator, head, form }: OwnForm,
) -> Result<Response, PanelError> {
    if operator.name != name {
        return Err(PanelError::Forbidden);
    }
    let of = |field: &str| form.get(field).unwrap_or_default();
    if of("new") != of("again") {
        return Err(PanelError::Invalid(
            "The new passwords do not match; nothing was changed.".into(),
        ));
    }
    let change = host(&panel)?.set_password(&head, &name, of("old"), of("new")).await?;
    let action = match change {
        AccountChange::Done | AccountChange::SessionRenewed(_) => "operator.password",
        _ => "operator.password_refused",
    };
    audit!(action, name, {}, "operator password change");
    if let AccountChange::SessionRenewed(cookie) = change {
        return Ok((AppendHeaders([(SET_COOKIE, cookie)]), back(&panel, &form)).into_response());
    }
    done(change, &name)?;
    Ok(back(&panel, &form))
}

/// `POST /operators/{name}/sessions`: ends one, all other or all sessions.
pub async fn end(
    State(panel): State<Arc<Panel>>,
    Path(name): Path<String>,
    own: OwnForm,
) -> Result<Response, PanelError> {
    own.of(&name)?;
    let which = match own.form.get("which") {
        Some("all") => SessionSelector::All,
        Some("others") => SessionSelector::Others,
        Some(id) => SessionSelector::One(id.to_owned()),
        None => return Err(PanelError::Invalid("Invalid form: no session selected.".to_owned())),
    };
    let ended = host(&panel)?.end(&own.head, &name, &which).await?;
    audit!(
        "operator.sessions_end", own.operator.name, { operator.name = name, operator.sessions_ended = ended },
        "operator sessions ended"
    );
    Ok(back(&panel, &own.form))
}
