//! What the deployment of this cloud has done.

use std::collections::BTreeMap;

use ::migrate::migration::version;
use serde_json::json;
use tests::cloud::Cloud;

use crate::template::Template;

#[tokio::test]
async fn the_deployment_has_applied_every_migration_as_it_is() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let rows = superuser
        .query("SELECT file, sha256 FROM public.applied_migrations", &[])
        .await
        .unwrap();
    let applied: BTreeMap<String, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let ours = ::migrate::migrations();
    assert_eq!(applied, ours.into_iter().map(|each| (each.file, each.sha256)).collect());
    // In one transaction, and by nobody but the owner.
    let sql = "SELECT count(DISTINCT xmin::text) FROM public.applied_migrations";
    assert_eq!(superuser.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 1);
    let sql = "SELECT relowner::regrole::text FROM pg_class WHERE oid = 'public.applied_migrations'::regclass";
    assert_eq!(
        superuser.query_one(sql, &[]).await.unwrap().get::<_, &str>(0),
        "ledger_owner"
    );
}

#[tokio::test]
async fn every_other_function_waits_for_the_migrations() {
    let cloud = Cloud::running();
    let last = ::migrate::migrations().pop().unwrap().file;
    for (logical, function) in &cloud.functions {
        let migrated_to = if logical == "Migrate" { "" } else { last.as_str() };
        assert_eq!(function.environment["MIGRATED_TO"], migrated_to, "{logical}");
    }
}

/// A deployment asks for the migrations when this has changed, and not before.
#[tokio::test]
async fn the_template_names_the_migrations_as_they_are() {
    let template = Template::read().await;
    assert_eq!(
        template.properties("Migrations")["Version"],
        json!(version(&::migrate::migrations()))
    );
    let (patience, time) = (
        &template.properties("Migrations")["ServiceTimeout"],
        &template.properties("Migrate")["Timeout"],
    );
    assert!(patience.as_i64() > time.as_i64(), "the function's own word comes first");
}
