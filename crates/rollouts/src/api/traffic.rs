//! Traffic routing (upstream `types.go`). Kept whole so that nothing a user wrote is lost; see `docs/differences.md` for
//! which routers act.

use std::collections::BTreeMap;

use super::meta::RawJson;
use super::schema::api_object;

api_object! {
    /// Splits traffic by weight, through one or more routers.
    pub struct RolloutTrafficRouting {
        optional {
            /// Istio.
            "istio" istio: Option<IstioTrafficRouting>,
            /// The nginx ingress controller.
            "nginx" nginx: Option<NginxTrafficRouting>,
            /// The AWS load balancer controller.
            "alb" alb: Option<AlbTrafficRouting>,
            /// Service Mesh Interface.
            "smi" smi: Option<SmiTrafficRouting>,
            /// Ambassador.
            "ambassador" ambassador: Option<AmbassadorTrafficRouting>,
            /// AWS App Mesh.
            "appMesh" app_mesh: Option<AppMeshTrafficRouting>,
            /// Traefik.
            "traefik" traefik: Option<TraefikTrafficRouting>,
            /// Routes that steps may set, by priority. Absent and empty differ.
            "managedRoutes" managed_routes: Option<Vec<ManagedRoute>>,
            /// Apache APISIX.
            "apisix" apisix: Option<ApisixTrafficRouting>,
            /// Router plugins by name, with their configuration.
            "plugins" plugins: BTreeMap<String, RawJson> as super::crds::any_object(),
            /// Sum of the weights; 100 if unset. Only for nginx and plugins.
            "maxTrafficWeight" max_traffic_weight: Option<i32>,
        }
    }

    /// A route that steps may set.
    pub struct ManagedRoute {
        required {
            /// Name of the route.
            "name" name: String,
        }
    }

    /// Istio: VirtualServices, and a DestinationRule for subsets.
    pub struct IstioTrafficRouting {
        optional {
            /// The one VirtualService.
            "virtualService" virtual_service: Option<IstioVirtualService>,
            /// The DestinationRule whose subsets are used.
            "destinationRule" destination_rule: Option<IstioDestinationRule>,
            /// Several VirtualServices.
            "virtualServices" virtual_services: Vec<IstioVirtualService>,
        }
    }

    /// A VirtualService and which of its routes are changed.
    pub struct IstioVirtualService {
        required {
            /// Name, or `namespace/name` reversed as `name.namespace`.
            "name" name: String,
        }
        optional {
            /// Names of HTTP routes; the only one if unset.
            "routes" routes: Vec<String>,
            /// TLS routes.
            "tlsRoutes" tls_routes: Vec<TlsRoute>,
            /// TCP routes.
            "tcpRoutes" tcp_routes: Vec<TcpRoute>,
        }
    }

    /// A TLS route by port and hosts.
    pub struct TlsRoute {
        optional {
            /// Port.
            "port" port: i64,
            /// Host names.
            "sniHosts" sni_hosts: Vec<String>,
        }
    }

    /// A TCP route by port.
    pub struct TcpRoute {
        optional {
            /// Port.
            "port" port: i64,
        }
    }

    /// A DestinationRule and its subsets.
    pub struct IstioDestinationRule {
        required {
            /// Name of the DestinationRule.
            "name" name: String,
            /// Subset of the new set.
            "canarySubsetName" canary_subset_name: String,
            /// Subset of the stable set.
            "stableSubsetName" stable_subset_name: String,
        }
        optional {
            /// Subsets that keep their traffic.
            "additionalSubsetNames" additional_subset_names: Vec<String>,
        }
    }

    /// The nginx ingress controller.
    pub struct NginxTrafficRouting {
        optional {
            /// Prefix of the controller's annotations.
            "annotationPrefix" annotation_prefix: String,
            /// The one Ingress.
            "stableIngress" stable_ingress: String,
            /// Annotations for the canary Ingress, with the prefix added.
            "additionalIngressAnnotations" additional_ingress_annotations: BTreeMap<String, String>,
            /// Several Ingresses.
            "stableIngresses" stable_ingresses: Option<Vec<String>>,
            /// Annotations for the canary Ingress, as they are.
            "canaryIngressAnnotations" canary_ingress_annotations: BTreeMap<String, String>,
        }
    }

    /// The AWS load balancer controller.
    pub struct AlbTrafficRouting {
        required {
            /// Port of the Services.
            "servicePort" service_port: i32,
        }
        optional {
            /// The one Ingress.
            "ingress" ingress: String,
            /// Service that the Ingress names; stableService if unset.
            "rootService" root_service: String,
            /// Prefix of the controller's annotations.
            "annotationPrefix" annotation_prefix: String,
            /// Stickiness of the target groups.
            "stickinessConfig" stickiness_config: Option<StickinessConfig>,
            /// Several Ingresses.
            "ingresses" ingresses: Option<Vec<String>>,
        }
    }

    /// Stickiness of target groups.
    pub struct StickinessConfig {
        required {
            /// Whether requests of a client stay with one group.
            "enabled" enabled: bool,
            /// For how long.
            "durationSeconds" duration_seconds: i64,
        }
    }

    /// Service Mesh Interface.
    pub struct SmiTrafficRouting {
        optional {
            /// Service that clients use.
            "rootService" root_service: String,
            /// Name of the TrafficSplit; that of the Rollout if unset.
            "trafficSplitName" traffic_split_name: String,
        }
    }

    /// Ambassador.
    pub struct AmbassadorTrafficRouting {
        required {
            /// Names of Mappings.
            "mappings" mappings: Vec<String>,
        }
    }

    /// AWS App Mesh.
    pub struct AppMeshTrafficRouting {
        optional {
            /// The virtual service.
            "virtualService" virtual_service: Option<AppMeshVirtualService>,
            /// The virtual nodes.
            "virtualNodeGroup" virtual_node_group: Option<AppMeshVirtualNodeGroup>,
        }
    }

    /// A virtual service and which of its routes are changed.
    pub struct AppMeshVirtualService {
        required {
            /// Name of the virtual service.
            "name" name: String,
        }
        optional {
            /// Names of routes; all if unset.
            "routes" routes: Vec<String>,
        }
    }

    /// The two virtual nodes.
    pub struct AppMeshVirtualNodeGroup {
        required {
            /// Node of the new set.
            "canaryVirtualNodeRef" canary_virtual_node_ref: Option<AppMeshVirtualNodeReference>,
            /// Node of the stable set.
            "stableVirtualNodeRef" stable_virtual_node_ref: Option<AppMeshVirtualNodeReference>,
        }
    }

    /// A virtual node.
    pub struct AppMeshVirtualNodeReference {
        required {
            /// Name of the virtual node.
            "name" name: String,
        }
    }

    /// Traefik.
    pub struct TraefikTrafficRouting {
        required {
            /// Name of the weighted TraefikService.
            "weightedTraefikServiceName" weighted_traefik_service_name: String,
        }
    }

    /// Apache APISIX.
    pub struct ApisixTrafficRouting {
        optional {
            /// The route.
            "route" route: Option<ApisixRoute>,
        }
    }

    /// An ApisixRoute and which of its rules are changed.
    pub struct ApisixRoute {
        required {
            /// Name of the ApisixRoute.
            "name" name: String,
        }
        optional {
            /// Names of rules; the only one if unset.
            "rules" rules: Vec<String>,
        }
    }
}
