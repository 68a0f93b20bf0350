//! A Service with the kubelets of all nodes, so that a ServiceMonitor finds them (upstream's `pkg/kubelet/controller.go`).
//!
//! Nodes are listed, not watched: at the start and once a period what should be is compared with what is.

mod nodes;
mod objects;
mod slices;
mod sync;

use std::time::Duration;

use runtime::{ObjectKey, ResourceRef};

use crate::workload::Settings;

pub use nodes::{Node, NodeAddress, Preference, addresses};
pub use objects::{endpoints, service};
pub use slices::slices;
pub use sync::Kubelets;

const NODE: ResourceRef = ResourceRef::cluster("", "v1", "Node", "nodes");
const ENDPOINTS: ResourceRef = ResourceRef::namespaced("", "v1", "Endpoints", "endpoints");
const ENDPOINT_SLICE: ResourceRef =
    ResourceRef::namespaced("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices");

/// What is kept, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The Service, and its Endpoints.
    pub service: ObjectKey,
    /// Labels of the nodes, as a selector; empty for all.
    pub selector: String,
    /// Which addresses of a node are taken.
    pub preference: Preference,
    /// Whether there are Endpoints.
    pub endpoints: bool,
    /// Whether there are EndpointSlices.
    pub slices: bool,
    /// Time between two looks at the nodes.
    pub period: Duration,
    /// Whether the port without TLS is named.
    pub insecure_port: bool,
}

/// What objects are made with.
#[derive(Clone, Copy, Debug)]
pub struct Making<'a> {
    /// What is kept.
    pub options: &'a Options,
    /// Labels and annotations of everything.
    pub settings: &'a Settings,
}
