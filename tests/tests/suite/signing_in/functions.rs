//! The real binaries: what they take from their environment, and what they write down.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::lambda::{Function, Setup, Unanswered};
use tests::patience::until;
use tests::token::Scope;
use time::Duration as Span;
use uuid::Uuid;

use super::front::{Front, NAME, Server};
use crate::certificates::{Authority, authority, shown};

/// A file of roots, removed with the test.
struct Roots(PathBuf);

impl Roots {
    /// With this authority alone.
    fn of(authority: &Authority) -> Self {
        let path = std::env::temp_dir().join(format!("roots-{}.pem", Uuid::new_v4()));
        let text = STANDARD.encode(authority.der());
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            lines.join("\n")
        );
        std::fs::write(&path, pem).unwrap();
        Self(path)
    }
}

impl Drop for Roots {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// `read-payment` with the environment that it has in AWS, before `front`.
fn signing_in(cloud: &Cloud, front: &Front) -> Setup {
    Function::of(cloud, "read-payment")
        .set("DATABASE_AUTH", "iam")
        .set("DATABASE_HOST", NAME)
        .set("DATABASE_PORT", front.port)
        .set("AWS_SESSION_TOKEN", "session/of+the=test")
}

/// Asks for a payment that nobody has: the ledger has to say so.
async fn asked(function: &Function) -> ApiResponse {
    let request = ApiRequest::to("GET /v1/payments/{payment_id}")
        .from_tenant(Uuid::now_v7(), Scope::Merchant)
        .path("payment_id", Uuid::now_v7());
    function.call(&request).await.unwrap()
}

#[tokio::test]
async fn a_function_signs_in_as_its_role_with_the_keys_it_was_given_and_writes_no_token_down() {
    let (cloud, ours) = (Cloud::running(), authority());
    let roots = Roots::of(&ours);
    let front = Front::sound(&cloud, &ours).await;
    let setup = signing_in(&cloud, &front).set("SSL_CERT_FILE", roots.0.display());
    let function = setup.start().await.unwrap();
    assert_eq!(asked(&function).await.status, 404);
    front.hang_up();
    until(
        async || (asked(&function).await.status == 404).then_some(()),
        || function.output(),
    )
    .await;
    let refusing = Front::start(&cloud, Server::Refusing(shown(&ours, NAME, Span::days(1)))).await;
    let setup = signing_in(&cloud, &refusing).set("SSL_CERT_FILE", roots.0.display());
    let refused = setup.start().await.unwrap();
    let answer = asked(&refused).await;
    assert_eq!((answer.status, answer.problem().as_str()), (503, "ledger-unavailable"));

    let (signed_in, let_in_nowhere) = (front.tokens(), refusing.tokens());
    assert!(signed_in.len() >= 2 && !let_in_nowhere.is_empty());
    for token in signed_in.iter().chain(&let_in_nowhere) {
        let key = format!("X-Amz-Credential={}%2F", cloud.aws.access_key_id);
        let region = format!("%2F{}%2Frds-db%2F", cloud.aws.region);
        assert!(token.contains("DBUser=reader&") && token.contains(&key) && token.contains(&region));
        assert!(token.contains("X-Amz-Security-Token=session%2Fof%2Bthe%3Dtest"));
        let signature = token.split("X-Amz-Signature=").nth(1).unwrap();
        let signature = signature.split('&').next().unwrap();
        for output in [function.output(), refused.output()] {
            assert!(!output.contains(signature) && !output.contains("X-Amz-"), "{output}");
            assert!(!output.contains("session/of+the=test"), "{output}");
        }
    }
    let why = refused.output();
    assert!(
        why.contains("PAM authentication failed"),
        "what is known of it is written down: {why}"
    );
}

/// The roots of this system, as deployed.
#[tokio::test]
async fn a_function_trusts_whom_the_system_trusts_and_nobody_else() {
    let cloud = Cloud::running();
    let front = Front::sound(&cloud, &authority()).await;
    let function = signing_in(&cloud, &front).start().await.unwrap();
    let answer = asked(&function).await;
    assert_eq!((answer.status, answer.problem().as_str()), (503, "ledger-unavailable"));
    assert!(front.the_call().await.asked_for_tls);
    assert_eq!(front.tokens(), [""; 0]);
}

#[tokio::test]
async fn a_function_that_could_not_sign_in_safely_does_not_start_and_names_the_variable() {
    let cloud = Cloud::running();
    let front = Front::sound(&cloud, &authority()).await;
    let of = |auth: &str| signing_in(&cloud, &front).set("DATABASE_AUTH", auth);
    for (what, setup, variable) in [
        ("no word", of("iam").without("DATABASE_AUTH"), "DATABASE_AUTH"),
        ("another word", of("password"), "DATABASE_AUTH"),
        ("without proof, by a name", of("loopback"), "DATABASE_AUTH"),
        (
            "without proof, elsewhere",
            of("loopback").set("DATABASE_HOST", "10.0.0.1"),
            "DATABASE_AUTH",
        ),
        ("no roots", of("iam").set("SSL_CERT_FILE", "/nowhere"), "DATABASE_AUTH"),
        ("no region", of("iam").without("AWS_REGION"), "AWS_REGION"),
    ] {
        let Err(Unanswered::Died { output, .. }) = setup.start().await else {
            panic!("it started: {what}");
        };
        assert!(output.contains(variable), "{what}: {output}");
    }
    assert_eq!(front.calls(), []);
}

/// They cost a start some milliseconds, and who needs none reads none.
#[tokio::test]
async fn a_function_that_proves_nothing_reads_no_roots() {
    let cloud = Cloud::running();
    let setup = Function::of(&cloud, "read-payment").set("SSL_CERT_FILE", "/nowhere");
    let function = setup.start().await.unwrap();
    assert_eq!(asked(&function).await.status, 404);
}
