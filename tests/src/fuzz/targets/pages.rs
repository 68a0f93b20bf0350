//! Continue tokens: as they are, and as the text that is in them.

use anyhow::{Result, ensure};
use http::Method;
use serde_json::{Value, json};

use super::server::{Answer, Kind, Server};
use super::variant;
use crate::fuzz::Target;

/// Objects that are listed.
const OBJECTS: usize = 5;
/// More pages than they fill.
const PAGES: usize = 20;

/// The target.
#[derive(Default)]
pub struct Pages(Option<Server>);

impl Target for Pages {
    fn name(&self) -> &'static str {
        "continue"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            "{\"v\":\"meta.k8s.io/v1\"",
            "\"rv\":",
            "\"start\":\"",
            "\\u0000",
            "/object-2",
            "..",
            "/",
            "-1",
            "\"",
            "meta.k8s.io/v2",
            "eyJ2IjoibWV0YS5rOHMuaW8vdjEi",
            "=",
            "_",
            "%",
        ]
    }

    fn run(&mut self, input: &[u8]) -> Result<String> {
        let (number, bytes) = variant(input, 3);
        let token = match number {
            0 => String::from_utf8_lossy(bytes).into_owned(),
            _ => encode(bytes),
        };
        let server = Server::next(&mut self.0);
        let collection = server.collection(Kind::ConfigMap);
        for number in 0..OBJECTS {
            let body = json!({"metadata": {"name": format!("object-{number}")}}).to_string();
            server.send(
                Method::POST,
                &collection,
                "application/json",
                body.as_bytes(),
            );
        }
        // The last variant lists over all namespaces.
        let path = if number == 2 {
            "/api/v1/configmaps"
        } else {
            &collection
        };
        let first = list(server, path, &token);
        if first.code == 200 {
            in_order(server, path, &first)?;
        }
        Ok(first.outcome())
    }
}

fn list(server: &mut Server, path: &str, token: &str) -> Answer {
    let query = [("limit", "2"), ("continue", token)];
    let query = query.map(|(key, value)| (key.to_owned(), value.to_owned()));
    server.ask(Method::GET, path, query.to_vec(), "", &[])
}

/// From here on every item comes once, in order, and the pages end.
fn in_order(server: &mut Server, path: &str, first: &Answer) -> Result<()> {
    let mut last = names(first);
    let mut token = next(first);
    ensure!(last.is_sorted(), "items are out of order: {last:?}");
    for _ in 0..PAGES + server_objects(server) {
        if token.is_empty() {
            return Ok(());
        }
        let page = list(server, path, &token);
        ensure!(
            page.code == 200,
            "a token of the server's is refused: {}",
            page.body
        );
        let names = names(&page);
        ensure!(
            names.len() <= 2 && names.is_sorted(),
            "an odd page: {names:?}"
        );
        ensure!(
            last.last() < names.first(),
            "a page does not follow the last: {names:?}, {last:?}"
        );
        token = next(&page);
        last = names;
    }
    anyhow::bail!("the pages don't end")
}

fn server_objects(server: &Server) -> usize {
    let number = server.namespace();
    let inputs = number
        .rsplit('-')
        .next()
        .and_then(|text| text.parse::<usize>().ok());
    inputs.unwrap_or(0) * OBJECTS
}

fn next(answer: &Answer) -> String {
    let token = answer.body.pointer("/metadata/continue");
    token.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Namespaces and names, as keys order them.
fn names(answer: &Answer) -> Vec<String> {
    let items = answer.body["items"].as_array();
    let items = items.into_iter().flatten();
    let key = |item: &Value| {
        let text = |pointer: &str| {
            item.pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        format!("{}/{}", text("/metadata/namespace"), text("/metadata/name"))
    };
    items.map(key).collect()
}

/// Base64 for URLs, without padding.
fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        let bits = bits << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(DIGITS[bits >> (18 - 6 * place) & 63]));
        }
    }
    text
}
