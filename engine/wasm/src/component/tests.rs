use semver::Version;

use super::{Component, ComponentError, WitError, with_descriptor};

/// A component that imports instances with functions, and exports empty instances.
pub(crate) fn component(imports: &[(&str, &[&str])], exports: &[&str]) -> Vec<u8> {
    let mut out = b"\0asm\x0d\0\x01\0".to_vec();
    let sized = |kind: u8, body: Vec<u8>, out: &mut Vec<u8>| {
        out.push(kind);
        assert!(body.len() < 1 << 14);
        out.extend([(body.len() & 0x7f) as u8 | 0x80, (body.len() >> 7) as u8]);
        out.extend(body);
    };
    let text = |text: &str, body: &mut Vec<u8>| {
        body.push(u8::try_from(text.len()).unwrap());
        body.extend(text.bytes());
    };
    for (index, (name, functions)) in imports.iter().enumerate() {
        // An instance type: one type of functions without parameters or result, then the functions.
        let mut body = vec![1, 0x42, u8::try_from(functions.len() + 1).unwrap()];
        body.extend([0x01, 0x40, 0x00, 0x01, 0x00]);
        for function in *functions {
            body.extend([0x04, 0x00]);
            text(function, &mut body);
            body.extend([0x01, 0x00]);
        }
        sized(7, body, &mut out);
        let mut body = vec![1, 0x00];
        text(name, &mut body);
        body.extend([0x05, u8::try_from(index).unwrap()]);
        sized(10, body, &mut out);
    }
    let mut instance = imports.len();
    for name in exports {
        sized(5, vec![1, 0x01, 0x00], &mut out);
        let mut body = vec![1, 0x00];
        text(name, &mut body);
        body.extend([0x05, u8::try_from(instance).unwrap(), 0x00]);
        sized(11, body, &mut out);
        // The export is an instance of its own.
        instance += 2;
    }
    wasmparser::Validator::new().validate_all(&out).unwrap();
    out
}

fn read(imports: &[(&str, &[&str])], exports: &[&str]) -> Component {
    Component::read(&component(imports, exports)).unwrap()
}

const STEPS: &str = "runbook:plugin/steps@0.1.0";

#[test]
fn names_and_versions_are_read_without_running() {
    let plugin = read(
        &[
            ("runbook:plugin/log@0.1.0", &["write"]),
            ("wasi:io/poll@0.2.6", &[]),
        ],
        &[STEPS, "runbook:plugin/recovery@0.1.0", "init"],
    );
    let names: Vec<_> = plugin.imports.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["runbook:plugin/log@0.1.0", "wasi:io/poll@0.2.6"]);
    assert_eq!(plugin.wit_version(), Some(Version::new(0, 1, 0)));
    assert!(plugin.has_recovery() && !plugin.has_compensation() && !plugin.has_preview());
    assert_eq!(plugin.check_wit(), Ok(()));
    assert!(plugin.imports_ours("log") && !plugin.imports_ours("http"));
}

#[test]
fn another_line_is_refused_in_words() {
    let later = read(&[], &["runbook:plugin/steps@0.2.0"]);
    assert_eq!(
        later.check_wit().unwrap_err().to_string(),
        "plugin speaks runbook:plugin 0.2.0, this engine speaks 0.1.0; rebuild the plugin or upgrade runbook"
    );
    let mixed = read(&[("runbook:plugin/log@1.0.0", &[])], &[STEPS]);
    assert!(matches!(mixed.check_wit(), Err(WitError::OtherLine { .. })));
}

#[test]
fn a_newer_plugin_of_the_line_loads_when_it_uses_nothing_new() {
    let steps = "runbook:plugin/steps@0.1.3";
    let old = read(&[("runbook:plugin/context@0.1.3", &["run-id"])], &[steps]);
    assert_eq!(old.check_wit(), Ok(()));
    let new = read(
        &[
            ("runbook:plugin/context@0.1.3", &["run-id", "weather"]),
            ("runbook:plugin/events@0.1.3", &[]),
        ],
        &[steps],
    );
    assert_eq!(
        new.check_wit().unwrap_err().to_string(),
        "plugin speaks runbook:plugin 0.1.3 and uses context.weather, events, which this engine (0.1.0) does not offer; upgrade runbook"
    );
}

#[test]
fn what_no_engine_offers_is_named() {
    let threads = read(&[("wasi:io/poll@0.3.0", &[]), ("evil", &[])], &[STEPS]);
    let unknown = vec!["wasi:io/poll@0.3.0".to_owned(), "evil".to_owned()];
    assert_eq!(threads.check_wit(), Err(WitError::Unknown(unknown)));
    assert_eq!(read(&[], &["init"]).check_wit(), Err(WitError::NoPlugin));
}

#[test]
fn what_is_no_component_is_refused() {
    let module = Component::read(b"\0asm\x01\0\0\0").unwrap_err();
    assert!(matches!(module, ComponentError::Module));
    for wrong in [b"".as_slice(), b"hello", b"\0asm\x0d\0\x01\0\x01"] {
        assert!(matches!(
            Component::read(wrong),
            Err(ComponentError::Broken(_))
        ));
    }
    let whole = component(&[("runbook:plugin/log@0.1.0", &["write"])], &[STEPS]);
    for length in 0..whole.len() {
        // A cut at the border of two sections is a smaller component; any other is none. None panics.
        if let Ok(cut) = Component::read(&whole[..length]) {
            assert_eq!(cut.size, length as u64);
        }
    }
}

#[test]
fn a_descriptor_is_built_in_and_replaced() {
    let bare = component(&[], &[STEPS]);
    assert_eq!(Component::read(&bare).unwrap().descriptor, None);
    let one = with_descriptor(&bare, b"{\"one\":1}").unwrap();
    let two = with_descriptor(&one, &[b' '; 300]).unwrap();
    assert_eq!(
        Component::read(&one).unwrap().descriptor.unwrap(),
        b"{\"one\":1}"
    );
    assert_eq!(
        Component::read(&two).unwrap().descriptor.unwrap(),
        [b' '; 300]
    );
    wasmparser::Validator::new().validate_all(&two).unwrap();
    assert_eq!(with_descriptor(&two, b"{\"one\":1}").unwrap(), one);
    assert!(with_descriptor(b"\0asm\x01\0\0\0", b"{}").is_err());
}
