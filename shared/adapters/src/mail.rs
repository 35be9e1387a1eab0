//! Mail, out through Amazon SES.

use std::future::Future;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::BuildError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use domain::email_address::EmailAddress;

use tokio::time::{Instant, sleep};

use crate::aws;

/// How long SES may say that mail comes too fast before the queue has to come again. With the last attempt and with
/// what comes before and after the mail, it fits into the function's 30 seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest first pause; they double.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The codes of too many mails in a second or in a day. Nothing was taken then, so asking again cannot send twice.
const TOO_FAST: [&str; 3] = ["TooManyRequestsException", "ThrottlingException", "Throttling"];

/// A message to one address, the same in plain text and in HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Whom it is for.
    pub to: EmailAddress,
    /// One line.
    pub subject: String,
    /// For readers without HTML.
    pub text: String,
    /// A whole document.
    pub html: String,
}

/// The mail was not taken, or whether it was is unknown. By name: messages of this service repeat addresses.
#[derive(Debug, thiserror::Error)]
#[error("mail could not be sent: {0}")]
pub struct MailError(String);

/// Whatever takes mail.
pub trait Mailer {
    /// Sends it, to be delivered some time later.
    ///
    /// # Errors
    /// [`MailError`]
    fn send(&self, mail: &Mail) -> impl Future<Output = Result<(), MailError>> + Send;
}

/// Amazon SES.
#[derive(Clone, Debug)]
pub struct Ses {
    client: Client,
    from: EmailAddress,
}

impl Ses {
    /// Sends from this address, which SES must know as verified.
    pub async fn from(from: EmailAddress) -> Self {
        // Once: SES takes a repeated call for a second mail. What it surely did not take is repeated below.
        let sdk = aws::reach(aws::attempts_of(Duration::from_secs(5)), RetryConfig::disabled()).await;
        Self {
            client: Client::new(&sdk),
            from,
        }
    }
}

impl Mailer for Ses {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let content = content(mail).map_err(|error| MailError(error.to_string()))?;
        let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            let sent = self.attempt(mail, content.clone()).await;
            match sent {
                // A wait here is cheaper than a receive, of which a message has a limited number.
                Err(error) if TOO_FAST.contains(&error.0.as_str()) && began.elapsed() + pause < PATIENCE => {
                    // SES said it was too fast. Full jitter: the other mails of the batch are waiting too.
                    sleep(pause.mul_f64(fastrand::f64())).await;
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
                ended => return ended,
            }
        }
    }
}

impl Ses {
    async fn attempt(&self, mail: &Mail, content: EmailContent) -> Result<(), MailError> {
        let sent = self
            .client
            .send_email()
            .from_email_address(self.from.as_str())
            .destination(Destination::builder().to_addresses(mail.to.as_str()).build())
            .content(content)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) => Err(MailError(aws::error_name(&error))),
        }
    }
}

fn content(mail: &Mail) -> Result<EmailContent, BuildError> {
    let utf8 = |data: &str| Content::builder().data(data).charset("UTF-8").build();
    let body = Body::builder().text(utf8(&mail.text)?).html(utf8(&mail.html)?).build();
    let message = Message::builder().subject(utf8(&mail.subject)?).body(body).build();
    Ok(EmailContent::builder().simple(message).build())
}
