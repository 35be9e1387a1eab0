//! The files of `migrations/`, and which of them a database still needs.

use domain::digest::hash::Hash;

/// Numbers that no migration may have: on databases that were migrated past it, it would never be applied.
const GIVEN_UP: [&str; 1] = ["0016"];
/// How many digits a number has.
const DIGITS: usize = 4;

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its name, `0001_roles.sql`: in the order of their names they are applied.
    pub file: String,
    /// Its text: any number of statements, none of them about the transaction.
    pub sql: String,
    /// SHA-256 of the text, in hexadecimal digits.
    pub sha256: String,
}

/// What the database has noted of a file that it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its name.
    pub file: String,
    /// SHA-256 of what it was then.
    pub sha256: String,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan<'a> {
    /// What the database lacks, in order.
    pub pending: Vec<&'a Migration>,
    /// What it has and we do not know: it was migrated by later code than this.
    pub ahead: Vec<String>,
}

/// Why nothing may be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The name is of another form, or its number stands before or at that of the file ahead of it, or was given up.
    #[error("migrations/{0}: a migration is named NNNN_words.sql, by a number of its own that was not given up")]
    Misnumbered(String),
    /// The file was changed after it had been applied.
    #[error(
        "migrations/{0} is not the file that was applied to this database: put it back, and add a migration that changes what it made"
    )]
    Changed(String),
    /// The file came when a later one had been applied.
    #[error(
        "migrations/{file} stands before {applied}, which was applied already: give it a number of its own behind that"
    )]
    Late {
        /// Which one.
        file: String,
        /// The last one that was applied.
        applied: String,
    },
    /// The database was given a file in the midst of ours that we have not.
    #[error("{0} was applied to this database, and this code does not have it")]
    Unknown(String),
}

impl Migration {
    /// A file by its name and its text.
    #[must_use]
    pub fn new(file: &str, sql: &str) -> Self {
        Self {
            file: file.to_owned(),
            sql: sql.to_owned(),
            sha256: Hash::of(sql.as_bytes()).to_string(),
        }
    }

    /// The number in its name, unless that is of another form.
    fn number(&self) -> Option<&str> {
        let (number, words) = self.file.strip_suffix(".sql")?.split_once('_')?;
        let is_number = number.len() == DIGITS && number.bytes().all(|byte| byte.is_ascii_digit());
        let is_word = |word: &str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        (is_number && words.split('_').all(is_word)).then_some(number)
    }
}

/// The name of a set of migrations: the number of the last one, and what another set does not have.
///
/// The template calls its resource `Migrations` by it, so that the resource changes when they do.
#[must_use]
pub fn version(migrations: &[Migration]) -> String {
    let lines = migrations
        .iter()
        .fold(String::new(), |lines, Migration { file, sha256, .. }| {
            lines + file + " " + sha256 + "\n"
        });
    let number = migrations.last().and_then(Migration::number).unwrap_or_default();
    let hash = Hash::of(lines.as_bytes()).to_string();
    format!("{number}-{}", hash.get(..16).unwrap_or_default())
}

/// What a database that has been given `applied` still needs of `ours`.
///
/// A database that is ahead of the code is no reason to refuse: that is how a deployment meets it that is rolled back, and a migration must leave
/// the code before it working. Then there is nothing to be done.
///
/// # Errors
/// [`Refused`], by the first file that shows that the database's past is another one than ours.
pub fn plan<'a>(ours: &'a [Migration], applied: &[Applied]) -> Result<Plan<'a>, Refused> {
    let mut before = "";
    for migration in ours {
        let number = migration.number();
        let number = number.filter(|number| *number > before && !GIVEN_UP.contains(number));
        before = number.ok_or_else(|| Refused::Misnumbered(migration.file.clone()))?;
    }
    let ours_last = ours.last().map(|migration| migration.file.as_str()).unwrap_or_default();
    let mut ahead = Vec::new();
    for known in applied {
        match ours.iter().find(|migration| migration.file == known.file) {
            Some(migration) if migration.sha256 == known.sha256 => {}
            Some(migration) => return Err(Refused::Changed(migration.file.clone())),
            None if known.file.as_str() > ours_last => ahead.push(known.file.clone()),
            None => return Err(Refused::Unknown(known.file.clone())),
        }
    }
    let last_applied = applied
        .iter()
        .map(|known| known.file.as_str())
        .max()
        .unwrap_or_default();
    let mut pending = Vec::new();
    for migration in ours {
        if applied.iter().any(|known| known.file == migration.file) {
            continue;
        }
        if migration.file.as_str() < last_applied {
            return Err(Refused::Late {
                file: migration.file.clone(),
                applied: last_applied.to_owned(),
            });
        }
        pending.push(migration);
    }
    Ok(Plan { pending, ahead })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(files: &[&str]) -> Vec<Migration> {
        files.iter().map(|file| Migration::new(file, file)).collect()
    }

    fn applied(files: &[&str]) -> Vec<Applied> {
        let noted = |Migration { file, sha256, .. }| Applied { file, sha256 };
        some(files).into_iter().map(noted).collect()
    }

    /// Ours, what was applied, and what is pending and ahead, or who is to blame.
    fn planned(ours: &[&str], was: &[&str]) -> Result<(Vec<String>, Vec<String>), Refused> {
        let ours = some(ours);
        plan(&ours, &applied(was)).map(|plan| {
            let pending = plan.pending.iter().map(|migration| migration.file.clone()).collect();
            (pending, plan.ahead)
        })
    }

    #[test]
    fn what_was_not_applied_is_pending_in_order() {
        let all = ["0001_a.sql", "0002_b.sql", "0004_d.sql"];
        for count in 0..=all.len() {
            let pending = all[count..].iter().map(ToString::to_string).collect();
            assert_eq!(planned(&all, &all[..count]), Ok((pending, vec![])), "{count}");
        }
    }

    #[test]
    fn a_file_that_was_changed_is_refused_whatever_else_there_is() {
        let ours = some(&["0001_a.sql", "0002_b.sql", "0003_c.sql"]);
        for changed in 0..2 {
            let mut was = applied(&["0001_a.sql", "0002_b.sql"]);
            was[changed].sha256 = Hash::of(b"another").to_string();
            let blamed = Refused::Changed(was[changed].file.clone());
            assert_eq!(plan(&ours, &was), Err(blamed));
        }
    }

    #[test]
    fn a_file_that_comes_late_is_refused() {
        let late = Refused::Late {
            file: "0002_b.sql".to_owned(),
            applied: "0003_c.sql".to_owned(),
        };
        assert_eq!(
            planned(
                &["0001_a.sql", "0002_b.sql", "0003_c.sql"],
                &["0001_a.sql", "0003_c.sql"]
            ),
            Err(late)
        );
    }

    #[test]
    fn a_database_that_is_ahead_needs_nothing() {
        let ahead = vec!["0002_b.sql".to_owned(), "0003_c.sql".to_owned()];
        assert_eq!(
            planned(&["0001_a.sql"], &["0001_a.sql", "0002_b.sql", "0003_c.sql"]),
            Ok((vec![], ahead))
        );
    }

    #[test]
    fn a_database_of_another_past_is_refused() {
        // It has what stands in the midst of ours, and it is ahead but lacks something of ours.
        let unknown = Refused::Unknown("0002_x.sql".to_owned());
        assert_eq!(
            planned(
                &["0001_a.sql", "0003_c.sql"],
                &["0001_a.sql", "0002_x.sql", "0003_c.sql"]
            ),
            Err(unknown)
        );
        let late = Refused::Late {
            file: "0002_b.sql".to_owned(),
            applied: "0003_c.sql".to_owned(),
        };
        assert_eq!(
            planned(&["0001_a.sql", "0002_b.sql"], &["0001_a.sql", "0003_c.sql"]),
            Err(late)
        );
    }

    #[test]
    fn a_number_is_of_four_digits_ascends_and_was_not_given_up() {
        for wrong in [
            "1_a.sql",
            "00001_a.sql",
            "0003.sql",
            "0003_.sql",
            "0003_a",
            "0003-a.sql",
            "0003_A.sql",
            "0003_a__b.sql",
            "0002_again.sql",
            "0001_a.sql",
            "0016_given_up.sql",
        ] {
            let refused = Err(Refused::Misnumbered(wrong.to_owned()));
            assert_eq!(planned(&["0001_a.sql", "0002_b.sql", wrong], &[]), refused, "{wrong}");
        }
        assert!(planned(&["0001_a.sql", "0002_b.sql", "0003_two_words2.sql"], &[]).is_ok());
    }

    #[test]
    fn a_version_is_of_every_byte_and_every_name() {
        let ours = some(&["0001_a.sql", "0002_b.sql"]);
        assert_eq!(version(&ours), "0002-342b8d5bc2fff6c5");
        let renamed = [Migration::new("0001_x.sql", "0001_a.sql"), ours[1].clone()];
        let edited = [ours[0].clone(), Migration::new("0002_b.sql", "0002_b.sqL")];
        for other in [&renamed[..], &edited, &ours[..1]] {
            assert_ne!(version(other), version(&ours));
        }
    }
}
