// informers uses an API server as controllers written in Go do, and ends with an error at the first thing that is not as
// client-go expects it. It reads KUBECONFIG, works in the namespace of CLIENT_NAMESPACE and prints a line per step.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// patience is how long anything may take.
const patience = time.Minute

// clients are the ways to one API server.
type clients struct {
	namespace string
	config    *rest.Config
	typed     kubernetes.Interface
	dynamic   dynamic.Interface
	discovery discovery.DiscoveryInterface
}

func connect(config *rest.Config, namespace string) (*clients, error) {
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	untyped, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &clients{namespace, config, typed, untyped, typed.Discovery()}, nil
}

// eventually waits until check holds.
func eventually(ctx context.Context, what string, check func() bool) error {
	deadline := time.Now().Add(patience)
	for !check() {
		if time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("waited in vain: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

type step struct {
	name string
	run  func(context.Context, *clients) error
}

var steps = []step{
	{"discovery tells the resource of every kind", mapKinds},
	{"typed objects in the binary form and as JSON", typedObjects},
	{"patches of four kinds, scale, status, deletion of a collection", patches},
	{"a shared informer has what is there and sees what changes", informer},
	{"an informer that is cut off catches up", cutOff},
	{"of two candidates one leads, and the other after it", election},
	{"a definition, its objects and an informer of them", custom},
}

func run() error {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 200, 400
	clients, err := connect(config, os.Getenv("CLIENT_NAMESPACE"))
	if err != nil {
		return err
	}
	for _, step := range steps {
		ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
		err := step.run(ctx, clients)
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Println("ok:", step.name)
	}
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
