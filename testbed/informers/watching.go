package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// seen counts what an informer tells.
type seen struct{ added, updated, deleted atomic.Int32 }

func (s *seen) handler() cache.ResourceEventHandlerFuncs {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { s.added.Add(1) },
		UpdateFunc: func(any, any) { s.updated.Add(1) },
		DeleteFunc: func(any) { s.deleted.Add(1) },
	}
}

// maps is an informer of ConfigMaps with the label `seen`, synced.
func maps(ctx context.Context, c *clients) (*seen, func() []string, error) {
	factory := informers.NewSharedInformerFactoryWithOptions(c.typed, 0,
		informers.WithNamespace(c.namespace),
		informers.WithTweakListOptions(func(o *meta.ListOptions) { o.LabelSelector = "seen" }))
	informer := factory.Core().V1().ConfigMaps()
	seen := &seen{}
	if _, err := informer.Informer().AddEventHandler(seen.handler()); err != nil {
		return nil, nil, err
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return nil, nil, fmt.Errorf("%v are not synced", kind)
		}
	}
	names := func() []string {
		found, _ := informer.Lister().ConfigMaps(c.namespace).List(labels.Everything())
		var names []string
		for _, object := range found {
			names = append(names, object.Name)
		}
		slices.Sort(names)
		return names
	}
	return seen, names, nil
}

func marked(name string) *core.ConfigMap {
	return &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: name, Labels: map[string]string{"seen": "1"}}}
}

func informer(ctx context.Context, c *clients) error {
	objects := c.typed.CoreV1().ConfigMaps(c.namespace)
	if _, err := objects.Create(ctx, marked("early"), meta.CreateOptions{}); err != nil {
		return err
	}
	seen, names, err := maps(ctx, c)
	if err != nil {
		return err
	}
	if got := names(); !slices.Equal(got, []string{"early"}) {
		return fmt.Errorf("at first: %v", got)
	}
	late, err := objects.Create(ctx, marked("late"), meta.CreateOptions{})
	if err != nil {
		return err
	}
	late.Data = map[string]string{"a": "1"}
	if late, err = objects.Update(ctx, late, meta.UpdateOptions{}); err != nil {
		return err
	}
	// Losing the label is leaving the informer's world.
	late.Labels = nil
	if _, err = objects.Update(ctx, late, meta.UpdateOptions{}); err != nil {
		return err
	}
	if err = objects.Delete(ctx, "early", meta.DeleteOptions{}); err != nil {
		return err
	}
	return eventually(ctx, "all events", func() bool {
		return len(names()) == 0 && seen.added.Load() == 2 && seen.updated.Load() == 1 && seen.deleted.Load() == 2
	})
}

// proxy passes connections on to a server until it is told to cut them.
type proxy struct {
	target   string
	listener net.Listener
	mutex    sync.Mutex
	open     []net.Conn
	closed   bool
}

func (p *proxy) run() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.target)
		p.mutex.Lock()
		if err != nil || p.closed {
			_ = near.Close()
			p.mutex.Unlock()
			continue
		}
		p.open = append(p.open, near, far)
		p.mutex.Unlock()
		go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
		go func() { _, _ = io.Copy(near, far); _ = near.Close() }()
	}
}

// pass lets connections through, or cuts all and lets none through.
func (p *proxy) pass(open bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.closed = !open
	if !open {
		for _, connection := range p.open {
			_ = connection.Close()
		}
		p.open = nil
	}
}

func cutOff(ctx context.Context, c *clients) error {
	server, err := url.Parse(c.config.Host)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	proxy := &proxy{target: server.Host, listener: listener}
	go proxy.run()
	config := rest.CopyConfig(c.config)
	config.Host = "https://" + listener.Addr().String()
	through, err := connect(config, c.namespace)
	if err != nil {
		return err
	}
	objects := c.typed.CoreV1().ConfigMaps(c.namespace)
	for _, name := range []string{"stays", "goes"} {
		if _, err := objects.Create(ctx, marked(name), meta.CreateOptions{}); err != nil {
			return err
		}
	}
	_, names, err := maps(ctx, through)
	if err != nil {
		return err
	}
	proxy.pass(false)
	if err := objects.Delete(ctx, "goes", meta.DeleteOptions{}); err != nil {
		return err
	}
	if _, err := objects.Create(ctx, marked("comes"), meta.CreateOptions{}); err != nil {
		return err
	}
	if got := names(); !slices.Equal(got, []string{"goes", "stays"}) {
		return fmt.Errorf("while cut off: %v", got)
	}
	proxy.pass(true)
	return eventually(ctx, "the informer catches up", func() bool {
		return slices.Equal(names(), []string{"comes", "stays"})
	})
}
