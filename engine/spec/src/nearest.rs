//! The known name that somebody meant.

/// The candidate that is closest to `name`, if one is close.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let lower = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| {
            let longest = name.chars().count().max(candidate.chars().count());
            *distance <= (longest / 3).max(1) && *distance < longest
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean …?`, or the short list of what there is.
pub(crate) fn hint<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    if let Some(one) = nearest(name, candidates.iter().copied()) {
        return Some(format!("did you mean `{one}`?"));
    }
    match candidates.as_slice() {
        [] => None,
        [one] => Some(format!("there is only `{one}`")),
        some if some.len() <= 14 => {
            let listed: Vec<_> = some.iter().map(|one| format!("`{one}`")).collect();
            Some(format!("there are {}", listed.join(", ")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{hint, nearest};

    #[test]
    fn what_is_close_is_found() {
        let known = ["snapshot", "promote", "needs", "aws.route53.record.upsert"];
        assert_eq!(nearest("snapshoot", known), Some("snapshot"));
        assert_eq!(nearest("need", known), Some("needs"));
        assert_eq!(
            nearest("aws.route53.record.upset", known),
            Some("aws.route53.record.upsert")
        );
        assert_eq!(nearest("zzz", known), None);
        assert_eq!(nearest("x", ["a", "b"]), None);
    }

    #[test]
    fn what_is_far_gets_the_list() {
        assert_eq!(hint("zzz", ["a", "b"]).unwrap(), "there are `a`, `b`");
        assert_eq!(hint("zzz", []), None);
    }
}
