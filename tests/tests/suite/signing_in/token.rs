//! What a function shows the database: for this place, this role and a quarter of an hour, under the keys of its own role, and
//! new for each connection.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use adapters::ledger::Ledger;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use ring::{digest, hmac};
use tests::cloud::Cloud;
use tests::patience::until;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use super::front::{Front, NAME, REGION, ROLE, keys, trusting};
use crate::certificates::authority;

/// The parts of a token.
struct Token {
    /// Host and port.
    place: String,
    /// As they stand, still escaped.
    query: BTreeMap<String, String>,
}

impl Token {
    fn read(token: &str) -> Self {
        let (place, query) = token.split_once("/?").unwrap();
        let parts = query.split('&').map(|part| part.split_once('=').unwrap());
        Self {
            place: place.to_owned(),
            query: parts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }

    fn part(&self, name: &str) -> String {
        let escapes = [("%2F", "/"), ("%2B", "+"), ("%3D", "=")];
        let value = self.query[name].clone();
        escapes
            .into_iter()
            .fold(value, |text, (escape, meant)| text.replace(escape, meant))
    }

    /// The signature that this secret gives what the token says, made from AWS's description of it and nothing else.
    fn signature_by(&self, secret: &str) -> String {
        let signed = self.query.iter().filter(|(name, _)| *name != "X-Amz-Signature");
        let query: Vec<_> = signed.map(|(name, value)| format!("{name}={value}")).collect();
        let request = format!(
            "GET\n/\n{}\nhost:{}\n\nhost\n{}",
            query.join("&"),
            self.place,
            hex(digest::digest(&digest::SHA256, b"").as_ref())
        );
        let (credential, at) = (self.part("X-Amz-Credential"), self.part("X-Amz-Date"));
        let (_, scope) = credential.split_once('/').unwrap();
        let hash = hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref());
        let to_sign = format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{hash}");
        let key = scope
            .split('/')
            .fold(format!("AWS4{secret}").into_bytes(), |key, part| {
                mac(&key, part.as_bytes())
            });
        hex(&mac(&key, to_sign.as_bytes()))
    }
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

#[tokio::test]
async fn a_token_is_for_this_place_this_role_and_a_quarter_of_an_hour_and_signed_by_the_role_s_keys() {
    let (cloud, ours) = (Cloud::running(), authority());
    let front = Front::sound(&cloud, &ours).await;
    let before = OffsetDateTime::now_utc() - Duration::seconds(1);
    let ledger = Ledger::at(&front.database(&cloud, trusting(&ours), keys()));
    ledger.connect().await.unwrap();
    let after = OffsetDateTime::now_utc();

    let tokens = front.tokens();
    let token = Token::read(&tokens[0]);
    assert_eq!(token.place, format!("{NAME}:{}", front.port));
    let at = token.part("X-Amz-Date");
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let signed_at = PrimitiveDateTime::parse(&at, format).unwrap().assume_utc();
    assert!((before..=after).contains(&signed_at), "{before} {signed_at} {after}");
    let credential = format!("ASIAOFATEST/{}/{REGION}/rds-db/aws4_request", &at[..8]);
    for (name, expected) in [
        ("Action", "connect"),
        ("DBUser", ROLE),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Expires", "900"),
        ("X-Amz-SignedHeaders", "host"),
        ("X-Amz-Security-Token", "session/of+the=test"),
        ("X-Amz-Signature", &token.signature_by("a secret of the test")),
    ] {
        assert_eq!(token.part(name), expected, "{name}");
    }
    assert_eq!(token.query.len(), 9, "and X-Amz-Date: {:?}", token.query);
    assert_ne!(token.part("X-Amz-Signature"), token.signature_by("another secret"));
}

/// Other keys each time, as after a change of them.
#[derive(Debug, Default)]
struct Changing(AtomicUsize);

impl ProvideCredentials for Changing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let nth = self.0.fetch_add(1, Ordering::SeqCst);
        let keys = Credentials::new(format!("KEY{nth}"), format!("secret {nth}"), None, None, "test");
        future::ProvideCredentials::ready(Ok(keys))
    }
}

#[tokio::test]
async fn each_connection_has_a_token_of_its_own_and_statements_none() {
    let (cloud, ours) = (Cloud::running(), authority());
    let front = Front::sound(&cloud, &ours).await;
    let changing = SharedCredentialsProvider::new(Changing::default());
    let ledger = Ledger::at(&front.database(&cloud, trusting(&ours), changing));
    for connections in 1..=3 {
        // What is lost while it is asked is unknown; what is asked then goes another way.
        until(
            || async { ledger.outbox_health().await.ok() },
            || "the ledger".to_owned(),
        )
        .await;
        ledger.outbox_health().await.unwrap();
        let tokens = front.tokens();
        assert_eq!(tokens.len(), connections);
        for (nth, token) in tokens.iter().map(|token| Token::read(token)).enumerate() {
            assert!(token.part("X-Amz-Credential").starts_with(&format!("KEY{nth}/")));
            assert_eq!(
                token.part("X-Amz-Signature"),
                token.signature_by(&format!("secret {nth}"))
            );
        }
        front.hang_up();
    }
}
