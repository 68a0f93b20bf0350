package main

import (
	"context"
	"encoding/json"
	"fmt"

	discoveryv2 "k8s.io/api/apidiscovery/v2"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

// entry is one resource of one version, in discovery order.
type entry struct {
	Group        string     `json:"group"`
	Version      string     `json:"version"`
	Kind         string     `json:"kind"`
	Plural       string     `json:"plural"`
	Singular     string     `json:"singular"`
	ShortNames   []string   `json:"shortNames,omitempty"`
	Categories   []string   `json:"categories,omitempty"`
	Namespaced   bool       `json:"namespaced"`
	Verbs        []string   `json:"verbs"`
	Subresources []subentry `json:"subresources,omitempty"`
}

type subentry struct {
	Name    string   `json:"name"`
	Group   string   `json:"group"`
	Version string   `json:"version"`
	Kind    string   `json:"kind"`
	Verbs   []string `json:"verbs"`
}

func printResources(kubeconfig string) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	utilruntime.Must(err)
	client, err := kubernetes.NewForConfig(config)
	utilruntime.Must(err)
	var lines []string
	for _, path := range []string{"/api", "/apis"} {
		body, err := client.RESTClient().Get().AbsPath(path).SetHeader("Accept", aggregated).DoRaw(context.Background())
		utilruntime.Must(err)
		var list discoveryv2.APIGroupDiscoveryList
		utilruntime.Must(json.Unmarshal(body, &list))
		for _, group := range list.Items {
			for _, version := range group.Versions {
				for _, resource := range version.Resources {
					lines = append(lines, marshal(resourceEntry(group.Name, version.Version, resource)))
				}
			}
		}
	}
	if len(lines) == 0 {
		panic(fmt.Errorf("%s lists no resources", kubeconfig))
	}
	printLines(lines)
}

func resourceEntry(group, version string, r discoveryv2.APIResourceDiscovery) entry {
	e := entry{
		Group: group, Version: version, Plural: r.Resource, Singular: r.SingularResource, ShortNames: r.ShortNames,
		Categories: r.Categories, Namespaced: r.Scope == discoveryv2.ScopeNamespace, Verbs: r.Verbs,
	}
	if r.ResponseKind != nil {
		e.Kind = r.ResponseKind.Kind
	}
	for _, sub := range r.Subresources {
		s := subentry{Name: sub.Subresource, Group: group, Version: version, Verbs: sub.Verbs}
		if kind := sub.ResponseKind; kind != nil {
			s.Kind = kind.Kind
			if kind.Version != "" {
				s.Group, s.Version = kind.Group, kind.Version
			}
		}
		e.Subresources = append(e.Subresources, s)
	}
	return e
}
