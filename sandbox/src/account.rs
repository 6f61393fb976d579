//! Which account a call belongs to: the access key says it.

/// The account of every key that does not name one.
pub const DEFAULT_ACCOUNT: &str = "123456789012";

const PREFIX: &str = "SANDBOX";

/// The access key id that selects `account`.
pub(crate) fn key_for(account: &str) -> String {
    format!("{PREFIX}{account}")
}

/// The account that a key of the form `SANDBOX<12 digits>` names.
pub(crate) fn named_by(key: &str) -> Option<&str> {
    let account = key.strip_prefix(PREFIX)?;
    is_valid(account).then_some(account)
}

/// Whether `account` has the shape of an AWS account number.
pub(crate) fn is_valid(account: &str) -> bool {
    account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_account() {
        assert_eq!(named_by(&key_for("000000000042")), Some("000000000042"));
    }

    #[test]
    fn any_other_key_names_none() {
        for key in [
            "test",
            "AKIAIOSFODNN7EXAMPLE",
            "SANDBOX",
            "SANDBOX12",
            "SANDBOX00000000004x",
        ] {
            assert_eq!(named_by(key), None, "{key}");
        }
    }
}
