//! Where merchants are written to: personal data, apart from the ledger so that it can be erased.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::email_address::EmailAddress;
use domain::ids::TenantId;
use domain::problem::Problem;
use domain::problem_body::ProblemBody;

use crate::aws;

/// The contacts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ContactsError {
    /// What the table said, by name.
    #[error("the table of contacts failed: {0}")]
    Unavailable(String),
    /// The tenant's contact is not one that this version wrote.
    #[error("a contact cannot be read")]
    Unreadable,
}

/// The table of contacts, one item per merchant.
#[derive(Clone, Debug)]
pub struct Contacts {
    client: Client,
    table: String,
}

impl Contacts {
    /// The contacts in this table.
    pub async fn open(table: String) -> Self {
        let sdk = aws::reach(aws::attempts_of(Duration::from_secs(1)), RetryConfig::standard()).await;
        Self {
            client: Client::new(&sdk),
            table,
        }
    }

    /// Where the merchant is written to. `None`: it has named no address.
    ///
    /// # Errors
    /// [`ContactsError`]
    pub async fn of(&self, merchant: TenantId) -> Result<Option<EmailAddress>, ContactsError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("tenant_id", AttributeValue::S(merchant.to_string()))
            // An address named a moment ago must be seen: an event without one is done with for good.
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| ContactsError::Unavailable(aws::error_name(&error)))?;
        match found.item.and_then(|mut item| item.remove("email")) {
            None => Ok(None),
            Some(AttributeValue::S(email)) => email.parse().map(Some).map_err(|_| ContactsError::Unreadable),
            Some(_) => Err(ContactsError::Unreadable),
        }
    }

    /// Writes the merchant to this address from now on.
    ///
    /// # Errors
    /// [`ContactsError::Unavailable`]: it may have been stored; storing it again does no harm.
    pub async fn put(&self, merchant: TenantId, email: &EmailAddress) -> Result<(), ContactsError> {
        let ended = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("tenant_id", AttributeValue::S(merchant.to_string()))
            .item("email", AttributeValue::S(email.as_str().to_owned()))
            .send()
            .await;
        match ended {
            Ok(_) => Ok(()),
            Err(error) => Err(ContactsError::Unavailable(aws::error_name(&error))),
        }
    }

    /// Forgets where the merchant was written to.
    ///
    /// # Errors
    /// [`ContactsError::Unavailable`]: it may be gone; removing it again does no harm.
    pub async fn remove(&self, merchant: TenantId) -> Result<(), ContactsError> {
        let ended = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("tenant_id", AttributeValue::S(merchant.to_string()))
            .send()
            .await;
        match ended {
            Ok(_) => Ok(()),
            Err(error) => Err(ContactsError::Unavailable(aws::error_name(&error))),
        }
    }
}

/// What the route that stores or removes a contact says when it cannot.
impl From<ContactsError> for ProblemBody {
    fn from(error: ContactsError) -> Self {
        tracing::warn!(error = %error, "the contacts failed a request");
        match error {
            ContactsError::Unavailable(_) => Problem::ContactsUnavailable.into(),
            ContactsError::Unreadable => Problem::Internal.into(),
        }
    }
}
