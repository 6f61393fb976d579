//! What the emulator lacks is named, not retried.
//!
//! moto answers an unknown operation with a page of HTML and status 500 or 404,
//! which every SDK takes for an outage that may pass.

use super::Settled;
use crate::call::Call;
use crate::http::Reply;
use crate::ledger::Verdict;
use crate::wire::refusal::Refusal;

pub(super) fn name(call: &Call, reply: Reply) -> Settled {
    let is_page = reply
        .text()
        .trim_start()
        .get(..9)
        .is_some_and(|start| start.eq_ignore_ascii_case("<!doctype"));
    if reply.status.is_success() || !is_page {
        return Settled::forwarded(reply);
    }
    let what = format!("{}:{}", call.service, call.operation);
    let failure = reply.header("x-moto-failure");
    let lacks = failure.is_empty()
        || failure.starts_with("NotImplementedError")
        || failure.starts_with("OperationNotFoundError");
    let message = if lacks {
        format!("the sandbox lacks {what}; try it against AWS. {failure}")
    } else {
        format!("the sandbox's emulator failed on {what}; AWS would answer. {failure}")
    };
    let refusal = Refusal::bad("NotImplemented", message.trim_end());
    let verdict = if lacks {
        Verdict::Refused
    } else {
        Verdict::Forwarded
    };
    Settled {
        reply: refusal.reply(call.protocol),
        verdict,
        rule: Some("unimplemented".into()),
    }
}
