//! Errors in each protocol's own format.

use ::http::StatusCode;
use serde_json::json;

use super::Protocol;
use super::xml::escape;
use crate::http::Reply;

/// An error as the service would answer it.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    /// A mistake of the caller.
    pub(crate) fn bad(code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal::with(400, code, message)
    }

    pub(crate) fn with(status: u16, code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal {
            status,
            code,
            message: message.into(),
        }
    }

    /// The reply in the format of `protocol`.
    pub(crate) fn reply(&self, protocol: Protocol) -> Reply {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let (code, message) = (self.code, escape(&self.message));
        let fault = if self.status < 500 {
            "Sender"
        } else {
            "Receiver"
        };
        match protocol {
            Protocol::Ec2 => Reply::new(
                status,
                "text/xml",
                format!(
                    "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
                     <RequestID>sandbox</RequestID></Response>"
                ),
            ),
            Protocol::Query | Protocol::RestXml => Reply::new(
                status,
                "text/xml",
                format!(
                    "<ErrorResponse><Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message>\
                     </Error><RequestId>sandbox</RequestId></ErrorResponse>"
                ),
            ),
            Protocol::Json | Protocol::Cbor | Protocol::Rest => {
                let body = json!({ "__type": code, "message": self.message });
                let mut reply = Reply::new(status, "application/x-amz-json-1.0", body.to_string());
                reply.set("x-amzn-errortype", code);
                reply.set("x-amzn-query-error", &format!("{code};{fault}"));
                reply
            }
        }
    }
}

/// The error code that a reply carries, for the ledger and for rules.
pub(crate) fn code_of(reply: &Reply) -> Option<String> {
    if reply.status.is_success() {
        return None;
    }
    let text = reply.text();
    if let Some((_, rest)) = text.split_once("<Code>") {
        return rest.split_once("</Code>").map(|(code, _)| code.to_owned());
    }
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let name = value.get("__type")?.as_str()?;
    Some(name.rsplit('#').next().unwrap_or(name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_survives_every_format() {
        let refusal = Refusal::bad("Throttling", "slow <down> & wait");
        for protocol in [
            Protocol::Ec2,
            Protocol::Query,
            Protocol::Json,
            Protocol::RestXml,
        ] {
            let reply = refusal.reply(protocol);
            assert_eq!(
                code_of(&reply).as_deref(),
                Some("Throttling"),
                "{protocol:?}"
            );
        }
        assert!(roxmltree::Document::parse(refusal.reply(Protocol::Ec2).text()).is_ok());
    }
}
