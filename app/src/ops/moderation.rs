//! Messages and users of the site for the panel.

use admin::{HostError, Listed, Message, MessageFilter, User};
use async_trait::async_trait;

use crate::db::{self, Db, ModeratedMessage, ModeratedUser};

/// Messages and users of the database for the panel.
pub struct PanelModeration(pub Db);

#[async_trait]
impl admin::Moderation for PanelModeration {
    async fn messages(
        &self,
        filter: &MessageFilter,
        limit: usize,
    ) -> Result<Listed<Message>, HostError> {
        let filter = db::MessageFilter {
            author: Some(filter.author.as_str()).filter(|author| !author.is_empty()),
            text: &filter.text,
            flagged: filter.flagged,
            before: filter.before,
        };
        let (found, next) = self.0.moderated_messages(filter, i64::try_from(limit)?).await?;
        Ok(Listed { items: found.into_iter().map(message).collect(), next })
    }

    async fn set_flagged(&self, id: i64, flagged: bool) -> Result<Option<Message>, HostError> {
        self.0.set_flagged(id, flagged).await?;
        Ok(self.0.moderated_message(id).await?.map(message))
    }

    async fn users(
        &self,
        text: &str,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Listed<User>, HostError> {
        let (found, next) = self.0.moderated_users(text, before, i64::try_from(limit)?).await?;
        Ok(Listed { items: found.into_iter().map(user).collect(), next })
    }
}

fn message(message: ModeratedMessage) -> Message {
    let ModeratedMessage { id, author, text, pub_date, flagged } = message;
    Message { id, author, text, at: pub_date, is_flagged: flagged }
}

fn user(user: ModeratedUser) -> User {
    let count = |count| u64::try_from(count).unwrap_or(0);
    User {
        id: user.id,
        name: user.username,
        joined: Some(user.created_at),
        messages: count(user.messages.0),
        flagged: count(user.messages.1),
        followers: count(user.followers.0),
        follows: count(user.followers.1),
        last_active: user.last_active,
    }
}
