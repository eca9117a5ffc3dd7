package main

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"semdex/index"
	"semdex/internal/progress"
)

// ingest writes documents until there are as many passages as asked for.
func (b *indexBench) ingest(ctx context.Context) error {
	info, err := b.collection.Info(ctx)
	if err != nil {
		return err
	}
	b.documents = info.Documents
	if info.Passages >= b.flags.passages {
		return nil
	}
	end, err := b.collection.BeginLoad(ctx)
	if err != nil {
		return err
	}
	defer end()
	var done atomic.Int64
	bar := b.app.progress("writing", func() progress.State {
		return progress.State{Done: done.Load(), Total: int64(b.flags.passages)}
	})
	defer bar.Stop()
	r := &ingestReport{}
	peak := watchMemory()
	begin, used := time.Now(), processorTime()
	last, lastPassages := begin, 0
	step := max(1, min(100_000, b.flags.passages/10))
	for info.Passages+r.Passages < b.flags.passages {
		n, err := b.writeBatch(ctx)
		if err != nil {
			_ = peak()
			return err
		}
		r.Passages += n
		done.Store(int64(info.Passages + r.Passages))
		if n := r.Passages - lastPassages; n >= step || info.Passages+r.Passages >= b.flags.passages {
			now := time.Now()
			r.Steps = append(r.Steps, ingestStep{info.Passages + r.Passages, perSecond(n, now.Sub(last)), processMemory()})
			last, lastPassages = now, r.Passages
		}
	}
	elapsed := time.Since(begin)
	r.Documents = b.documents - info.Documents
	r.Seconds, r.Rate = elapsed.Seconds(), perSecond(r.Passages, elapsed)
	r.Processor = (processorTime() - used).Seconds()
	r.End, r.Peak = processMemory(), peak()
	b.report.Ingest = r
	b.report.Passages = info.Passages + r.Passages
	return nil
}

// writeBatch writes documents and returns how many passages they have. Meanwhile the
// batch behind them is made, as index.Service.PutStream does.
func (b *indexBench) writeBatch(ctx context.Context) (passages int, err error) {
	if b.next == nil {
		b.next = b.makeBatch(b.documents)
	}
	records := <-b.next
	b.next = b.makeBatch(b.documents + len(records))
	c, err := b.engine.Open(ctx, benchCollection)
	if err == nil {
		err = c.Upsert(ctx, records)
	}
	if err != nil {
		return 0, err
	}
	b.documents += len(records)
	for _, r := range records {
		passages += len(r.Passages)
	}
	return passages, nil
}

// makeBatch makes the documents from number first on.
func (b *indexBench) makeBatch(first int) <-chan []index.Record {
	out := make(chan []index.Record, 1)
	go func() {
		records := make([]index.Record, b.flags.batch)
		for i := range records {
			records[i] = b.corpus.Record(first+i, 0)
		}
		out <- records
	}()
	return out
}

// benchQueries is how many different questions clients ask, in turn.
const benchQueries = 5000

// warmSearches are asked before those that count.
const warmSearches = 200

func (b *indexBench) search(ctx context.Context) error {
	queries := make([]index.Query, benchQueries)
	for i := range queries {
		queries[i] = b.corpus.Query(i, b.documents)
	}
	start := time.Now()
	if _, err := b.ask(ctx, queries[0]); err != nil {
		return err
	}
	b.report.First = inMilliseconds(time.Since(start))
	for i := range warmSearches {
		if _, err := b.ask(ctx, queries[i%benchQueries]); err != nil {
			return err
		}
	}
	for _, clients := range b.flags.clients {
		b.app.note("searching: %s for %v, %v writes/s", count(clients, "client"), b.flags.time, b.flags.writes)
		r, err := b.load(ctx, clients, queries)
		if err != nil {
			return err
		}
		b.report.Search = append(b.report.Search, r)
	}
	return nil
}

// ask answers a query as the server does, but for encoding it.
func (b *indexBench) ask(ctx context.Context, q index.Query) (index.Stats, error) {
	c, err := b.engine.Open(ctx, benchCollection)
	if err != nil {
		return index.Stats{}, err
	}
	r, err := index.Search(ctx, c, q)
	if err == nil && len(r.Hits) == 0 {
		err = errors.New("a search for words that are there found nothing")
	}
	return r.Stats, err
}

// latencies are what calls took, in milliseconds.
type latencies struct {
	mu    sync.Mutex
	calls []float64
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, inMilliseconds(d))
}

// quantile is the nearest rank; 0 if there are none.
func (l *latencies) quantile(p float64) float64 {
	if len(l.calls) == 0 {
		return 0
	}
	slices.Sort(l.calls)
	rank := int(math.Ceil(p * float64(len(l.calls))))
	return l.calls[max(0, min(rank, len(l.calls))-1)]
}

func inMilliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// load runs so many clients, and the writer beside them.
func (b *indexBench) load(ctx context.Context, clients int, queries []index.Query) (searchReport, error) {
	r := searchReport{Clients: clients}
	var all, dense, keyword, writes latencies
	var asked atomic.Int64
	peak := watchMemory()
	begin, used := time.Now(), processorTime()
	end := begin.Add(b.flags.time)
	g, ctx := errgroup.WithContext(ctx)
	writing, stop := context.WithCancel(ctx)
	defer stop()
	var searching sync.WaitGroup
	for range clients {
		searching.Add(1)
		g.Go(func() error {
			defer searching.Done()
			for {
				n := int(asked.Add(1)) - 1
				start := time.Now()
				if n >= b.flags.searches || start.After(end) {
					return nil
				}
				stats, err := b.ask(ctx, queries[n%len(queries)])
				if err != nil {
					return err
				}
				all.add(time.Since(start))
				dense.add(stats.Dense.Took)
				keyword.add(stats.Keyword.Took)
			}
		})
	}
	g.Go(func() error { return b.write(writing, &writes) })
	searching.Wait()
	elapsed := time.Since(begin)
	r.Processor = (processorTime() - used).Seconds()
	stop()
	err := g.Wait()
	r.Peak = peak()
	if err != nil {
		return r, err
	}
	r.Searches, r.Rate = len(all.calls), perSecond(len(all.calls), elapsed)
	r.P50, r.P99, r.Max = all.quantile(0.5), all.quantile(0.99), all.quantile(1)
	r.Dense, r.Keyword = dense.quantile(0.5), keyword.quantile(0.5)
	r.Writes = perSecond(len(writes.calls), elapsed)
	r.WriteP50, r.WriteP99 = writes.quantile(0.5), writes.quantile(0.99)
	return r, nil
}

// writersAtOnce bounds the writes that wait for the disk together.
const writersAtOnce = 64

// write writes single documents at the rate asked for until ctx ends: new ones
// and replacements in turn.
func (b *indexBench) write(ctx context.Context, took *latencies) error {
	if b.flags.writes == 0 {
		return nil
	}
	tick := time.NewTicker(time.Duration(float64(time.Second) / b.flags.writes))
	defer tick.Stop()
	var g errgroup.Group
	g.SetLimit(writersAtOnce)
	rng := rand.New(rand.NewPCG(b.flags.seed, uint64(b.documents)))
	for version := 1; ; version++ {
		select {
		case <-ctx.Done():
			return g.Wait()
		case <-tick.C:
		}
		n := b.documents
		if version%2 == 0 {
			n = rng.IntN(b.documents)
		} else {
			b.documents++
		}
		g.Go(func() error {
			record := b.corpus.Record(n, version)
			start := time.Now()
			err := b.collection.Upsert(context.WithoutCancel(ctx), []index.Record{record})
			took.add(time.Since(start))
			return err
		})
	}
}
