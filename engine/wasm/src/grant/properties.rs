//! What has to hold of patterns, whatever they are.

use proptest::prelude::*;
use url::Url;

use super::{AwsCall, AwsPattern, HttpPattern, Target};

fn pick(from: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(from)
}

fn http_pattern() -> impl Strategy<Value = HttpPattern> {
    (
        pick(&["", "GET ", "HEAD ", "POST "]),
        pick(&["http", "https"]),
        pick(&["*", "*.b.org", "a.b.org", "b.org", "127.0.0.1", "[::1]"]),
        pick(&["", ":*", ":80", ":443", ":8080"]),
        pick(&[
            "", "/", "/*", "/x", "/x*", "/x/*", "/x/y", "/%2e%2e", "/%7Ex/*", "/..;/*",
        ]),
    )
        .prop_filter_map("no pattern", |(method, scheme, host, port, path)| {
            format!("{method}{scheme}://{host}{port}{path}")
                .parse()
                .ok()
        })
}

fn target() -> impl Strategy<Value = Target> {
    (
        pick(&["GET", "HEAD", "POST", "post"]),
        pick(&["http", "https"]),
        pick(&[
            "a.b.org",
            "b.org",
            "A.B.ORG.",
            "c.a.b.org",
            "127.1",
            "[::1]",
            "a.b.org.evil.net",
        ]),
        pick(&["", ":80", ":443", ":8080"]),
        pick(&[
            "", "/x", "/x/", "/x/y", "/xy", "/x/../y", "/x%2Fy", "/~x/y", "/x?y",
        ]),
    )
        .prop_filter_map("no target", |(method, scheme, host, port, path)| {
            let url = Url::parse(&format!("{scheme}://{host}{port}{path}")).ok()?;
            Target::of(method, &url).ok()
        })
}

fn aws_pattern() -> impl Strategy<Value = AwsPattern> {
    let what = pick(&[
        "rds:*",
        "rds:De*",
        "rds:Delete",
        "rds:DeleteX",
        "ec2:*",
        "iam:*",
        "iam:Get*",
        "rds GET /*",
        "rds GET /a/*",
        "rds GET /a",
        "rds PUT /a/*",
    ]);
    let region = pick(&["", "@*", "@us-east-1", "@eu-west-1"]);
    (what, region).prop_map(|(what, region)| {
        format!("{what}{region}")
            .parse()
            .expect("what is made of valid parts is a pattern")
    })
}

fn aws_call() -> impl Strategy<Value = AwsCall<'static>> {
    let action = pick(&["Delete", "DeleteX", "Describe", "GetUser"]);
    let rest = prop::option::of((
        pick(&["GET", "PUT"]),
        pick(&["/a", "/a/b", "/b", "/a/../b"]),
    ));
    let region = pick(&["us-east-1", "us-west-2", "eu-west-1"]);
    (pick(&["rds", "ec2", "iam"]), action, rest, region).prop_map(
        |(service, action, rest, region)| AwsCall {
            service,
            action: Some(action),
            rest,
            region,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_two_patterns_share_is_what_both_cover(one in http_pattern(), two in http_pattern(), target in target()) {
        let both = one.intersect(&two).is_some_and(|both| both.covers(&target));
        prop_assert_eq!(both, one.covers(&target) && two.covers(&target));
    }

    #[test]
    fn a_pattern_is_read_as_it_is_written(pattern in http_pattern()) {
        prop_assert_eq!(pattern.to_string().parse(), Ok(pattern));
    }

    #[test]
    fn the_pattern_that_a_refusal_prints_covers_what_was_refused(target in target()) {
        let printed = format!("{} {}", target.method, target.address());
        prop_assert!(printed.parse::<HttpPattern>().expect("what is printed is read again").covers(&target), "{}", printed);
    }

    #[test]
    fn nothing_that_a_plugin_sends_makes_the_check_panic(method in ".{0,8}", url in ".{0,40}", path in "[%./;a-f0-9\\\\]{0,20}") {
        for text in [url, format!("https://a.org/{path}")] {
            if let Ok(url) = Url::parse(&text) {
                let _ = Target::of(&method, &url);
            }
            let _ = text.parse::<HttpPattern>();
            let _ = text.parse::<AwsPattern>();
        }
    }

    #[test]
    fn what_two_aws_patterns_share_is_what_both_cover(one in aws_pattern(), two in aws_pattern(), call in aws_call()) {
        let home = ["us-east-1".to_owned(), "us-west-2".to_owned()];
        let both = one.intersect(&two, &home).is_some_and(|both| both.covers(&call, &home));
        prop_assert_eq!(both, one.covers(&call, &home) && two.covers(&call, &home));
        prop_assert_eq!(one.to_string().parse(), Ok(one));
    }
}
