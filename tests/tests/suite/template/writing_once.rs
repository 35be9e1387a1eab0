//! What is written once: AWS itself refuses to put anything over it.

use serde_json::{Value, json};

use super::{Template, is_denied_to_all, list};

/// Of an upload in parts the condition is asked for when it is completed.
fn denies_what_does_not_say_so(statement: &Value) -> bool {
    let unsaid = json!({"Null": {"s3:if-none-match": true}, "Bool": {"s3:ObjectCreationOperation": true}});
    is_denied_to_all(statement) && statement["Action"] == "s3:PutObject" && statement["Condition"] == unsaid
}

fn denies_deleting(statement: &Value) -> bool {
    let deletes = ["s3:DeleteObject", "s3:DeleteObjectVersion"];
    let actions = list(&statement["Action"]);
    is_denied_to_all(statement)
        && statement["Condition"].is_null()
        && deletes.iter().all(|delete| actions.contains(&&json!(delete)))
}

#[tokio::test]
async fn nothing_is_put_over_a_seal_or_a_certificate_and_no_certificate_is_marked_as_deleted() {
    let template = Template::read().await;
    for bucket in ["Digests", "Certificates"] {
        let statements = template.statements("AWS::S3::BucketPolicy", "Bucket", bucket);
        let of_all = |statement: &&&Value| {
            statement["Resource"]
                .to_string()
                .contains(&format!("${{{bucket}.Arn}}/*"))
        };
        let denying = statements
            .iter()
            .filter(|statement| denies_what_does_not_say_so(statement));
        assert_eq!(denying.filter(of_all).count(), 1, "{bucket}: {statements:?}");
        let keeping = statements.iter().filter(|statement| denies_deleting(statement));
        let is_kept = bucket == "Certificates";
        assert_eq!(
            keeping.filter(of_all).count(),
            usize::from(is_kept),
            "{bucket}: {statements:?}"
        );
    }
}
