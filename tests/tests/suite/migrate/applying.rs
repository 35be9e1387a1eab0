//! Migrations of a test's own, over the Data API on real PostgreSQL.

use ::migrate::apply::{Done, NotApplied, migrate};
use ::migrate::migration::{Migration, Refused};
use futures_util::future::join_all;
use tests::fault::{DataApiProxy, Fate};
use tests::patience::until;

use super::scene::{files, in_empty_database, patience};

/// Several statements in a file, one that needs what the file before it has made, and text that a statement of the Data API could
/// take for parameters.
pub const FILES: [(&str, &str); 3] = [
    (
        "0001_books.sql",
        "-- It's :sql and :file\nCREATE SCHEMA books;\nCREATE TABLE books.money (amount bigint NOT NULL, noted text DEFAULT 'at 12:30');
         CREATE FUNCTION books.two() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN 2::bigint; END $$;
         INSERT INTO books.money VALUES (1);",
    ),
    ("0002_more.sql", "INSERT INTO books.money SELECT amount + books.two() FROM books.money;"),
    (
        "0003_rule.sql",
        "ALTER TABLE books.money ADD CONSTRAINT positive CHECK (amount > 0); SELECT count(*) FROM books.money;",
    ),
];
pub const AMOUNTS: &str = "SELECT amount FROM books.money ORDER BY amount";

/// The names of `ours`.
pub fn names(ours: &[Migration]) -> Vec<String> {
    ours.iter().map(|migration| migration.file.clone()).collect()
}

fn with(more: (&str, &str)) -> Vec<Migration> {
    files(&[FILES[0], FILES[1], FILES[2], more])
}

#[tokio::test]
async fn what_is_missing_is_applied_in_order_and_once() {
    in_empty_database(async |empty| {
        let (api, ours) = (empty.api(), files(&FILES));
        for count in [1, 3] {
            let done = migrate(&api, &ours[..count], patience()).await.unwrap();
            let already = usize::from(count == 3);
            assert_eq!(done.applied, names(&ours[already..count]));
            assert!(done.ahead.is_empty());
        }
        assert_eq!(empty.numbers(AMOUNTS).await, [1, 3]);
        let before = empty.dump().await;
        assert_eq!(migrate(&api, &ours, patience()).await, Ok(Done::default()));
        assert_eq!(empty.dump().await, before);
        for Migration { file, sha256, .. } in &ours {
            assert!(before.contains(&format!("{file}\t{sha256}\t")), "{file}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_file_that_has_changed_is_refused_by_name_and_nothing_moves() {
    in_empty_database(async |empty| {
        let api = empty.api();
        migrate(&api, &files(&FILES), patience()).await.unwrap();
        let before = empty.dump().await;
        for changed in 0..FILES.len() {
            let mut ours = with(("0004_new.sql", "DROP TABLE books.money"));
            ours[changed] = Migration::new(FILES[changed].0, &format!("{}\n", FILES[changed].1));
            let refused = migrate(&api, &ours, patience()).await.unwrap_err();
            assert_eq!(
                refused,
                NotApplied::Refused(Refused::Changed(FILES[changed].0.to_owned()))
            );
            assert!(refused.to_string().contains(FILES[changed].0), "{refused}");
        }
        assert_eq!(empty.dump().await, before);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_comes_late_or_is_gone_is_refused_by_name_and_nothing_moves() {
    in_empty_database(async |empty| {
        let api = empty.api();
        migrate(&api, &files(&[FILES[0], FILES[2]]), patience()).await.unwrap();
        let before = empty.dump().await;
        let late = migrate(&api, &files(&FILES), patience()).await.unwrap_err();
        assert!(
            matches!(&late, NotApplied::Refused(Refused::Late { file, .. }) if file == FILES[1].0),
            "{late}"
        );
        let gone = migrate(
            &api,
            &files(&[FILES[2], ("0004_new.sql", "DROP SCHEMA books CASCADE")]),
            patience(),
        )
        .await;
        assert_eq!(gone, Err(NotApplied::Refused(Refused::Unknown(FILES[0].0.to_owned()))));
        assert_eq!(empty.dump().await, before);
    })
    .await;
}

/// A deployment that is rolled back runs the code before it against the database after it.
#[tokio::test]
async fn older_code_leaves_a_newer_database_as_it_is() {
    in_empty_database(async |empty| {
        let (api, ours) = (empty.api(), files(&FILES));
        migrate(&api, &ours, patience()).await.unwrap();
        let before = empty.dump().await;
        let done = migrate(&api, &ours[..1], patience()).await.unwrap();
        assert_eq!((done.applied, done.ahead), (vec![], names(&ours[1..])));
        assert_eq!(empty.dump().await, before);
    })
    .await;
}

#[tokio::test]
async fn one_that_fails_leaves_everything_as_it_was_and_says_which_and_why() {
    in_empty_database(async |empty| {
        let api = empty.api();
        for (text, state) in [
            (
                "INSERT INTO books.money VALUES (7); CREATE TABLE books.other (); SELEC 1;",
                "42601",
            ),
            (
                "INSERT INTO books.money VALUES (7); CREATE TABLE books.money ();",
                "42P07",
            ),
            ("INSERT INTO books.money VALUES (-7)", "23514"),
            // What a transaction cannot have, and what would end it before its time.
            ("CREATE INDEX CONCURRENTLY ON books.money (amount)", "25001"),
            ("INSERT INTO books.money VALUES (7); COMMIT;", "0A000"),
        ] {
            let ours = with(("0004_wrong.sql", text));
            // Of an empty database, and of one that the files before it have been applied to.
            for applied in [0, 3] {
                migrate(&api, &ours[..applied], patience()).await.unwrap();
                let before = empty.dump().await;
                let failed = migrate(&api, &ours, patience()).await.unwrap_err();
                let NotApplied::Failed { file, why } = &failed else {
                    panic!("{text}: {failed}");
                };
                assert_eq!(
                    (file.as_str(), why.sqlstate()),
                    ("0004_wrong.sql", Some(state)),
                    "{failed}"
                );
                assert!(failed.to_string().contains("migrations/0004_wrong.sql"), "{failed}");
                assert_eq!(empty.dump().await, before, "{text}");
            }
            let superuser = empty.cloud.superuser().await;
            let clear = "DROP SCHEMA books CASCADE; DROP TABLE public.applied_migrations";
            superuser.batch_execute(clear).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn one_that_only_the_commit_refuses_leaves_everything_as_it_was() {
    in_empty_database(async |empty| {
        let (api, ours) = (empty.api(), files(&FILES));
        migrate(&api, &ours, patience()).await.unwrap();
        let before = empty.dump().await;
        let deferred = "ALTER TABLE books.money ADD PRIMARY KEY (amount);
            CREATE TABLE books.other (amount bigint REFERENCES books.money DEFERRABLE INITIALLY DEFERRED);
            INSERT INTO books.other VALUES (99);";
        let failed = migrate(&api, &with(("0004_deferred.sql", deferred)), patience()).await;
        let Err(NotApplied::Unchanged(why)) = failed else {
            panic!("{failed:?}");
        };
        assert_eq!(why.sqlstate(), Some("23503"), "{why}");
        assert_eq!(empty.dump().await, before);
    })
    .await;
}

#[tokio::test]
async fn of_several_at_once_one_applies_each() {
    in_empty_database(async |empty| {
        let (api, ours) = (empty.api(), files(&FILES));
        let all = join_all((0..5).map(|_| migrate(&api, &ours, patience()))).await;
        let applied: Vec<_> = all.into_iter().flat_map(|done| done.unwrap().applied).collect();
        assert_eq!(applied, names(&ours));
        assert_eq!(empty.numbers(AMOUNTS).await, [1, 3]);
    })
    .await;
}

/// Who waits for a lock has payments wait behind it. So it gives up soon, and comes again.
#[tokio::test]
async fn whoever_holds_a_lock_is_waited_for_a_while_and_asked_again() {
    in_empty_database(async |empty| {
        let proxy = DataApiProxy::start(&empty.cloud, |_, _| Fate::Pass).await;
        let (api, ours) = (empty.api_at(&proxy.url()), files(&FILES));
        migrate(&empty.api(), &ours[..2], patience()).await.unwrap();
        let holder = empty.cloud.superuser().await;
        holder
            .batch_execute("BEGIN; LOCK TABLE books.money IN ACCESS SHARE MODE")
            .await
            .unwrap();
        let migrating = tokio::spawn(async move { migrate(&api, &ours, patience()).await });
        let given_up = async || {
            proxy
                .seen()
                .iter()
                .any(|call| call == "RollbackTransaction")
                .then_some(())
        };
        until(given_up, || format!("{:?}", proxy.seen())).await;
        holder.batch_execute("COMMIT").await.unwrap();
        assert_eq!(migrating.await.unwrap().unwrap().applied, [FILES[2].0]);
    })
    .await;
}
