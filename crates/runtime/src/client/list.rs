//! Lists, page by page.

use serde_json::Value;

use super::wire::with_type;
use super::{Answer, Client, query};
use crate::error::Error;
use crate::resource::ResourceRef;

/// Objects asked for at a time.
const PAGE: u32 = 250;

impl Client {
    /// Lists objects, page by page. An empty namespace means all, an empty selector everything.
    pub async fn list(
        &self,
        resource: &ResourceRef,
        namespace: &str,
        label_selector: &str,
    ) -> Result<Vec<Value>, Error> {
        let mut items = Vec::new();
        self.each(resource, namespace, label_selector, |item| items.push(item))
            .await?;
        Ok(items)
    }

    /// The same, for those who don't keep the objects: no more than a page of them is held at once.
    pub async fn each(
        &self,
        resource: &ResourceRef,
        namespace: &str,
        label_selector: &str,
        mut take: impl FnMut(Value) + Send,
    ) -> Result<(), Error> {
        let mut token = String::new();
        loop {
            let limit = PAGE.to_string();
            let query = query(&[
                ("limit", limit.as_str()),
                ("labelSelector", label_selector),
                ("continue", token.as_str()),
            ]);
            let bytes = self
                .read(&format!("{}{query}", resource.collection_path(namespace)))
                .await?;
            let mut list = Answer { bytes }.value()?;
            if let Some(Value::Array(page)) = list.get_mut("items").map(Value::take) {
                for item in page {
                    take(with_type(resource, item));
                }
            }
            let next = list
                .get("metadata")
                .and_then(|metadata| metadata.get("continue"))
                .and_then(Value::as_str);
            match next {
                Some(next) if !next.is_empty() => next.clone_into(&mut token),
                _ => return Ok(()),
            }
        }
    }
}
