//! Who signed an operator's request, as AWS names callers.

use std::fmt;
use std::str::FromStr;

/// The ARN of an IAM user or of a role's session, verified by the gateway. It can be held to account: it names one
/// person, if whoever deploys this sees to the names of users and sessions (`docs/limbo.md`).
///
/// Two of them may be one person. The ledger, which counts people, goes by the last part, in any case of letters, role
/// and account (`ledger.person`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Principal(String);

/// The text is no ARN, or that of nobody in particular: the account's root, a role without a session, a federated user
/// (whoever makes one chooses its name), a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the ARN of a user or of a role's session")]
pub struct NotAPrincipal;

impl Principal {
    /// The ARN as the gateway told it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Principal {
    type Err = NotAPrincipal;

    fn from_str(arn: &str) -> Result<Self, NotAPrincipal> {
        let ["arn", "aws" | "aws-cn" | "aws-us-gov", service, "", account, resource] =
            arn.splitn(6, ':').collect::<Vec<_>>()[..]
        else {
            return Err(NotAPrincipal);
        };
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let name = match (service, resource.split('/').collect::<Vec<_>>().as_slice()) {
            // A user may have a path.
            ("iam", ["user", .., name]) | ("sts", ["assumed-role", _, name]) => *name,
            _ => return Err(NotAPrincipal),
        };
        if is_account && is_name(name) {
            Ok(Self(arn.to_owned()))
        } else {
            Err(NotAPrincipal)
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What IAM lets users and sessions be called. In ASCII, so that letters have one case of each and no doubles.
fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_sessions_of_roles_are_principals() {
        for arn in [
            "arn:aws:iam::123456789012:user/ada",
            "arn:aws:iam::123456789012:user/on/call/ada",
            "arn:aws:sts::123456789012:assumed-role/Operators/ada",
            "arn:aws-cn:sts::123456789012:assumed-role/AWSReservedSSO_Operators_0123456789abcdef/ada@example.com",
        ] {
            assert_eq!(arn.parse::<Principal>().map(|it| it.to_string()), Ok(arn.to_owned()));
        }
    }

    #[test]
    fn nobody_in_particular_is_none() {
        let too_long = format!("arn:aws:iam::123456789012:user/{}", "a".repeat(65));
        for arn in [
            "",
            "ada",
            "2f6d1c8b-7a5e-4c3d-9b2a-1e0f9d8c7b6a",
            "arn:aws:iam::123456789012:root",
            "arn:aws:iam::123456789012:user/",
            "arn:aws:iam::123456789012:user",
            "arn:aws:iam::123456789012:role/Operators",
            "arn:aws:iam::123456789012:assumed-role/Operators/ada",
            "arn:aws:sts::123456789012:user/ada",
            "arn:aws:sts::123456789012:assumed-role/Operators",
            "arn:aws:sts::123456789012:assumed-role/Operators/ada/grace",
            "arn:aws:sts::123456789012:federated-user/ada",
            "arn:aws:iam:eu-west-1:123456789012:user/ada",
            "arn:aws:iam::12345678901:user/ada",
            "arn:aws:iam::12345678901x:user/ada",
            "arn:other:iam::123456789012:user/ada",
            "arn:aws:iam::123456789012:user/ada ",
            "arn:aws:iam::123456789012:user/ad\u{430}",
            "arn:aws:iam::123456789012:user/ada:grace",
            &too_long,
        ] {
            assert_eq!(arn.parse::<Principal>(), Err(NotAPrincipal), "{arn}");
        }
    }
}
