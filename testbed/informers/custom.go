package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

func candidate(c *clients, name string, leads *atomic.Int32) leaderelection.LeaderElectionConfig {
	return leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  meta.ObjectMeta{Name: "leader", Namespace: c.namespace},
			Client:     c.typed.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: name},
		},
		LeaseDuration: 4 * time.Second, RenewDeadline: 3 * time.Second, RetryPeriod: 500 * time.Millisecond,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { leads.Add(1) },
			OnStoppedLeading: func() {},
		},
	}
}

func election(ctx context.Context, c *clients) error {
	var first, second atomic.Int32
	firstCtx, resign := context.WithCancel(ctx)
	go leaderelection.RunOrDie(firstCtx, candidate(c, "first", &first))
	if err := eventually(ctx, "the first leads", func() bool { return first.Load() == 1 }); err != nil {
		resign()
		return err
	}
	secondCtx, end := context.WithCancel(ctx)
	defer end()
	go leaderelection.RunOrDie(secondCtx, candidate(c, "second", &second))
	time.Sleep(2 * time.Second)
	if second.Load() != 0 {
		resign()
		return fmt.Errorf("both lead")
	}
	resign()
	if err := eventually(ctx, "the second leads", func() bool { return second.Load() == 1 }); err != nil {
		return err
	}
	lease, err := c.typed.CoordinationV1().Leases(c.namespace).Get(ctx, "leader", meta.GetOptions{})
	if err != nil {
		return err
	}
	if *lease.Spec.HolderIdentity != "second" || *lease.Spec.LeaseTransitions < 1 {
		return fmt.Errorf("the lease: %v", lease.Spec)
	}
	return nil
}

const group = "clients.example.com"

func definition() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": "gadgets." + group},
		"spec": map[string]any{
			"group": group, "scope": "Namespaced",
			"names": map[string]any{"kind": "Gadget", "plural": "gadgets", "shortNames": []any{"gad"}},
			"versions": []any{map[string]any{
				"name": "v1", "served": true, "storage": true,
				"subresources": map[string]any{"status": map[string]any{}},
				"schema": map[string]any{"openAPIV3Schema": map[string]any{
					"type": "object",
					"properties": map[string]any{
						"spec": map[string]any{"type": "object", "properties": map[string]any{
							"size": map[string]any{"type": "integer", "minimum": int64(1), "default": int64(2)},
						}},
						"status": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true},
					},
				}},
			}},
		},
	}}
}

func gadget(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": group + "/v1", "kind": "Gadget",
		"metadata": map[string]any{"name": name, "labels": map[string]any{"made": "yes"}},
		"spec":     map[string]any{},
	}}
}

func custom(ctx context.Context, c *clients) error {
	definitions := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	if _, err := c.dynamic.Resource(definitions).Create(ctx, definition(), meta.CreateOptions{}); err != nil {
		return err
	}
	resource := schema.GroupVersionResource{Group: group, Version: "v1", Resource: "gadgets"}
	gadgets := c.dynamic.Resource(resource).Namespace(c.namespace)
	if err := eventually(ctx, "the definition is served", func() bool {
		list, err := c.discovery.ServerResourcesForGroupVersion(group + "/v1")
		_, made := gadgets.List(ctx, meta.ListOptions{})
		return err == nil && len(list.APIResources) == 2 && made == nil
	}); err != nil {
		return err
	}
	made, err := gadgets.Create(ctx, gadget("one"), meta.CreateOptions{})
	if err != nil {
		return err
	}
	if size, _, _ := unstructured.NestedInt64(made.Object, "spec", "size"); size != 2 {
		return fmt.Errorf("not defaulted: %v", made.Object)
	}
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(c.dynamic, 0, c.namespace, nil)
	informer := factory.ForResource(resource)
	seen := &seen{}
	if _, err := informer.Informer().AddEventHandler(seen.handler()); err != nil {
		return err
	}
	inner, stop := context.WithCancel(ctx)
	defer stop()
	factory.Start(inner.Done())
	factory.WaitForCacheSync(inner.Done())
	bad := gadget("bad")
	_ = unstructured.SetNestedField(bad.Object, int64(0), "spec", "size")
	if _, err := gadgets.Create(ctx, bad, meta.CreateOptions{}); err == nil {
		return fmt.Errorf("a size of 0 was taken")
	}
	_ = unstructured.SetNestedField(made.Object, "Ready", "status", "phase")
	if made, err = gadgets.UpdateStatus(ctx, made, meta.UpdateOptions{}); err != nil {
		return err
	}
	patched, err := gadgets.Patch(ctx, "one", types.MergePatchType, []byte(`{"spec":{"size":5}}`), meta.PatchOptions{})
	if err != nil {
		return err
	}
	if patched.GetGeneration() != 2 || made.GetGeneration() != 1 {
		return fmt.Errorf("generations: %d and %d", made.GetGeneration(), patched.GetGeneration())
	}
	if err := gadgets.DeleteCollection(ctx, meta.DeleteOptions{}, meta.ListOptions{LabelSelector: "made=yes"}); err != nil {
		return err
	}
	if err := eventually(ctx, "all events", func() bool {
		return seen.added.Load() == 1 && seen.updated.Load() == 2 && seen.deleted.Load() == 1
	}); err != nil {
		return err
	}
	return c.dynamic.Resource(definitions).Delete(ctx, "gadgets."+group, meta.DeleteOptions{})
}
