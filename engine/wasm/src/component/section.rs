//! The custom section that holds the descriptor.

use super::{Component, ComponentError};

/// Name of the section.
pub const DESCRIPTOR_SECTION: &str = "runbook:descriptor";

/// Magic, version and layer of a component.
const HEADER: usize = 8;

/// The component with this descriptor built in, in place of any that it had.
///
/// # Errors
/// When the bytes are no component.
pub fn with_descriptor(component: &[u8], descriptor: &[u8]) -> Result<Vec<u8>, ComponentError> {
    Component::read(component)?;
    let mut out = component[..HEADER.min(component.len())].to_vec();
    let mut at = HEADER;
    while let Some(section) = next(component, at) {
        if !section.is_descriptor {
            out.extend_from_slice(&component[at..section.end]);
        }
        at = section.end;
    }
    let name = DESCRIPTOR_SECTION.as_bytes();
    let mut body = leb(name.len());
    body.extend_from_slice(name);
    body.extend_from_slice(descriptor);
    out.push(0);
    out.extend(leb(body.len()));
    out.extend(body);
    Ok(out)
}

struct Section {
    end: usize,
    is_descriptor: bool,
}

/// The section that begins at `at`: its kind, its size, its content.
fn next(bytes: &[u8], at: usize) -> Option<Section> {
    let kind = *bytes.get(at)?;
    let (size, start) = unleb(bytes, at + 1)?;
    let end = start.checked_add(size).filter(|end| *end <= bytes.len())?;
    let name = unleb(bytes, start)
        .filter(|_| kind == 0)
        .and_then(|(length, from)| bytes.get(from..from.checked_add(length)?));
    Some(Section {
        end,
        is_descriptor: name == Some(DESCRIPTOR_SECTION.as_bytes()),
    })
}

/// A number and where it ends.
fn unleb(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let mut number = 0_usize;
    for shift in (0..35).step_by(7) {
        let byte = *bytes.get(at)?;
        at += 1;
        number |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((number, at));
        }
    }
    None
}

fn leb(mut number: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            out.push(byte);
            return out;
        }
        out.push(byte | 0x80);
    }
}
