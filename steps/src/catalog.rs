//! All built-in step types, as one catalog.

use runbook_step::{Catalog, StepKind};

/// One list for each service, sorted by the names of the steps in it.
const LISTS: &[&[StepKind]] = &[
    #[cfg(feature = "cloudwatch")]
    crate::aws::cloudwatch::STEPS,
    #[cfg(feature = "ec2")]
    crate::aws::ec2::STEPS,
    #[cfg(feature = "elbv2")]
    crate::aws::elbv2::STEPS,
    #[cfg(feature = "route53")]
    crate::aws::route53::STEPS,
    #[cfg(feature = "sns")]
    crate::aws::sns::STEPS,
    #[cfg(feature = "sts")]
    crate::aws::sts::STEPS,
    crate::control::STEPS,
];

/// Every step type that this binary brings.
#[must_use]
pub fn catalog() -> Catalog {
    Catalog::new(LISTS.iter().flat_map(|list| list.iter().copied()).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{LISTS, catalog};

    #[test]
    fn every_list_is_sorted() {
        for list in LISTS {
            assert!(list.is_sorted_by_key(|kind| kind.name));
        }
    }

    #[test]
    fn no_name_is_taken_twice() {
        let catalog = catalog();
        let names: Vec<_> = catalog.iter().map(|kind| kind.name).collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
    }

    #[test]
    fn every_aws_step_has_a_manual_and_refuses_what_it_does_not_know() {
        for kind in catalog()
            .iter()
            .filter(|kind| kind.name.starts_with("aws."))
        {
            assert!(!kind.summary().is_empty(), "{} has no summary", kind.name);
            assert!(!kind.iam.is_empty(), "{} names no IAM action", kind.name);
            let refused = kind.check(&json!({ "no_such_input": 1 })).unwrap_err();
            assert!(
                refused.contains("no_such_input"),
                "{}: {refused}",
                kind.name
            );
            for schema in [kind.inputs(), kind.outputs()] {
                let fields = schema["properties"]
                    .as_object()
                    .cloned()
                    .unwrap_or_default();
                for (field, about) in fields {
                    assert!(
                        about["description"].is_string(),
                        "{}: `{field}` has no description",
                        kind.name
                    );
                }
            }
        }
    }
}
