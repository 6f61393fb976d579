//! What a request to AWS means: account, region, service, operation, token.

use std::collections::BTreeMap;

use ::http::{Method, header};
use bytes::Bytes;
use serde_json::Value as Json;

use crate::account::{self, DEFAULT_ACCOUNT};
use crate::http::Request;
use crate::wire::xml::{self, escape};
use crate::wire::{Protocol, cbor, route53, service_name};

/// The tag by which runbook marks what it makes.
const TOKEN_TAG: &str = "runbook:token";

/// The attribute by which runbook marks what it publishes.
const TOKEN_ATTRIBUTE: &str = "runbook-token";

const CBOR_PATH: &str = "/service/GraniteServiceVersion20100801/operation/";
const JSON_TARGET: &str = "GraniteServiceVersion20100801.";

/// A request whose meaning is known.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) request: Request,
    pub(crate) account: String,
    pub(crate) region: String,
    /// As in an IAM action.
    pub(crate) service: String,
    pub(crate) operation: String,
    pub(crate) protocol: Protocol,
    /// The form of the query protocols, without `Action` and `Version`.
    pub(crate) form: BTreeMap<String, String>,
    /// The body of the JSON protocols.
    pub(crate) json: Json,
}

impl Call {
    /// Reads a request. `known` tells the account of an access key that was
    /// issued by the sandbox itself.
    pub(crate) fn read(request: Request, known: impl FnOnce(&str) -> Option<String>) -> Call {
        let scope = Scope::of(&request);
        let account = account::named_by(&scope.key)
            .map(str::to_owned)
            .or_else(|| known(&scope.key))
            .unwrap_or_else(|| DEFAULT_ACCOUNT.to_owned());
        let mut call = Call {
            service: service_name(&scope.service).to_owned(),
            account,
            region: scope.region,
            operation: String::new(),
            protocol: Protocol::Rest,
            form: BTreeMap::new(),
            json: Json::Null,
            request,
        };
        call.recognise();
        call
    }

    fn recognise(&mut self) {
        if let Some(operation) = self.request.path().strip_prefix(CBOR_PATH) {
            self.operation = operation.to_owned();
            self.become_json();
        } else if let Some((_, operation)) = self.request.header("x-amz-target").rsplit_once('.') {
            self.operation = operation.to_owned();
            self.protocol = Protocol::Json;
            self.json = serde_json::from_slice(&self.request.body).unwrap_or_default();
        } else if self.service == "route53" {
            self.operation = route53::operation(&self.request.method, self.request.path());
            self.protocol = Protocol::RestXml;
        } else {
            self.read_form();
        }
    }

    fn read_form(&mut self) {
        let mut form: BTreeMap<String, String> = pairs(self.request.query().as_bytes());
        if self
            .request
            .header("content-type")
            .starts_with("application/x-www-form-urlencoded")
        {
            form.append(&mut pairs(&self.request.body));
        }
        let Some(action) = form.remove("Action") else {
            self.operation = format!("{} {}", self.request.method, self.request.path());
            return;
        };
        form.remove("Version");
        self.operation = action;
        self.protocol = if self.service == "ec2" {
            Protocol::Ec2
        } else {
            Protocol::Query
        };
        self.form = form;
    }

    /// moto has no CBOR: from here on the call is JSON, until its answer leaves.
    fn become_json(&mut self) {
        self.protocol = Protocol::Cbor;
        self.json = cbor::to_json(&self.request.body).unwrap_or_default();
        let request = &mut self.request;
        request.body = Bytes::from(self.json.to_string());
        request.target = "/".into();
        request.method = Method::POST;
        for name in ["smithy-protocol", "accept"] {
            request.headers.remove(name);
        }
        set(request, "content-type", "application/x-amz-json-1.0");
        set(
            request,
            "x-amz-target",
            &format!("{JSON_TARGET}{}", self.operation),
        );
    }

    /// A parameter of the query protocols; empty if it is not given.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.form.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The values of `<prefix>1`, `<prefix>2` and so on.
    pub(crate) fn list(&self, prefix: &str) -> Vec<String> {
        (1..)
            .map_while(|index| self.form.get(&format!("{prefix}{index}")))
            .cloned()
            .collect()
    }

    /// A string of the JSON body; empty if it is not there.
    pub(crate) fn member(&self, name: &str) -> &str {
        self.json
            .get(name)
            .and_then(Json::as_str)
            .unwrap_or_default()
    }

    /// What identifies the wish behind the call, if it carries such a thing.
    pub(crate) fn token(&self) -> Option<String> {
        let named = ["ClientToken", "IdempotencyToken", "CallerReference"];
        if let Some(token) = named.iter().find_map(|name| self.form.get(*name)) {
            return Some(token.clone());
        }
        if self.protocol == Protocol::RestXml {
            return self.xml_token();
        }
        let in_json = ["ClientToken", "clientToken", "IdempotencyToken"];
        if let Some(token) = in_json
            .iter()
            .find_map(|name| self.json.get(*name)?.as_str())
        {
            return Some(token.to_owned());
        }
        self.form_tag()
            .or_else(|| self.form_attribute())
            .or_else(|| json_tag(&self.json))
    }

    /// A message carries the token as an attribute, for its receiver.
    /// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
    fn form_attribute(&self) -> Option<String> {
        let (name, _) = self
            .form
            .iter()
            .find(|(name, value)| *value == TOKEN_ATTRIBUTE && name.ends_with(".Name"))?;
        let value = format!("{}.Value.StringValue", name.strip_suffix(".Name")?);
        self.form.get(&value).cloned()
    }

    fn xml_token(&self) -> Option<String> {
        let body = std::str::from_utf8(&self.request.body)
            .ok()
            .filter(|body| !body.is_empty())?;
        if let Some(reference) = xml::first(body, "CallerReference") {
            return Some(reference);
        }
        let document = roxmltree::Document::parse(body).ok()?;
        let tags = xml::all(&document, "Tag");
        let tag = tags
            .iter()
            .find(|tag| xml::text_at(**tag, &["Key"]) == TOKEN_TAG)?;
        Some(xml::text_at(*tag, &["Value"]).to_owned())
    }

    fn form_tag(&self) -> Option<String> {
        let (key, _) = self
            .form
            .iter()
            .find(|(key, value)| *value == TOKEN_TAG && key.ends_with(".Key"))?;
        self.form
            .get(&format!("{}.Value", key.strip_suffix(".Key")?))
            .cloned()
    }
}

fn json_tag(json: &Json) -> Option<String> {
    match json {
        Json::Array(items) => items.iter().find_map(json_tag),
        Json::Object(members) => {
            if members.get("Key").and_then(Json::as_str) == Some(TOKEN_TAG) {
                return members
                    .get("Value")
                    .and_then(Json::as_str)
                    .map(str::to_owned);
            }
            if let Some(Json::String(value)) = members.get(TOKEN_TAG) {
                return Some(value.clone());
            }
            members.values().find_map(json_tag)
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => None,
    }
}

fn pairs(form: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(form).into_owned().collect()
}

/// Sets a header if the value is fit for one.
pub(crate) fn set(request: &mut Request, name: &'static str, value: &str) {
    if let Ok(value) = header::HeaderValue::from_str(value) {
        request.headers.insert(name, value);
    }
}

/// The credential scope: who calls which service where.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
#[derive(Default)]
struct Scope {
    key: String,
    region: String,
    service: String,
}

impl Scope {
    fn of(request: &Request) -> Scope {
        let header = request.header("authorization");
        let signed = header
            .split_once("Credential=")
            .map(|(_, rest)| rest.to_owned());
        let presigned = || pairs(request.query().as_bytes()).remove("X-Amz-Credential");
        let Some(credential) = signed.or_else(presigned) else {
            return Scope::unsigned();
        };
        let credential = credential.split([',', ' ']).next().unwrap_or_default();
        match credential.split('/').collect::<Vec<_>>().as_slice() {
            [key, _date, region, service, ..] => Scope {
                key: (*key).into(),
                region: (*region).into(),
                service: service.to_lowercase(),
            },
            _ => Scope::unsigned(),
        }
    }

    fn unsigned() -> Scope {
        Scope {
            key: String::new(),
            region: "us-east-1".into(),
            service: "unknown".into(),
        }
    }
}

/// The form as a request body.
pub(crate) fn form_body<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Bytes {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
        .into()
}

/// The result of an operation of the query protocol, as the service writes it.
pub(crate) fn query_result(operation: &str, inner: &str) -> String {
    let operation = escape(operation);
    format!(
        "<{operation}Response><{operation}Result>{inner}</{operation}Result>\
         <ResponseMetadata><RequestId>sandbox</RequestId></ResponseMetadata></{operation}Response>"
    )
}
