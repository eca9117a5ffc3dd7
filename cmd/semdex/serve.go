package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"semdex/api"
	"semdex/index"
	"semdex/internal/cli"
	"semdex/internal/demo"
	"semdex/internal/progress"
)

const serveLong = `Answer searches and embeddings over HTTP, and take documents in.

Questions (POST /qa) are answered by a small model inside the program, which --reader
replaces; --reader none answers none.

With --demo the server starts with a small Korean and English corpus in the
collection demo, in a folder that is removed at the end unless --data names one.

With --reembed collections that were made with another model are embedded anew
with this one, in the background. Until that is done they answer from keywords,
and take documents all the same.

It stops on Ctrl-C or SIGTERM: requests in flight finish, and what has been
acknowledged is on disk.`

const serveExample = `  semdex serve --demo
  semdex serve -d data --addr 127.0.0.1:9000 --model my-model
  SEMDEX_API_KEY=secret semdex serve -d data --addr :8080`

// serveFlags are the flags of the verb serve.
type serveFlags struct {
	modelFlags
	judgeFlags
	data       string
	addr       string
	collection string
	reader     string
	answers    api.AnswerCache
	demo       bool
	reembed    bool
	apiKey     string
	origins    []string
	limits     api.Limits
}

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:     "serve [flags]",
		Short:   "Answer searches and embeddings over HTTP",
		Long:    serveLong,
		Example: serveExample,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.demo && !cmd.Flags().Changed("data") {
				f.data = ""
			}
			if err := f.checkAnswers(cmd); err != nil {
				return err
			}
			return a.serve(cmd.Context(), &f)
		},
	}
	f.modelFlags.flags(c)
	f.judgeFlags.flags(c)
	flags := c.Flags()
	flags.StringVarP(&f.data, "data", "d", defaultData, "`folder` of the index")
	flags.StringVar(&f.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on; port 0 takes a free one")
	flags.StringVarP(&f.collection, "collection", "c", "", "`name` of the collection for requests that name none")
	addReaderFlag(flags, &f.reader, ", or none")
	flags.IntVar(&f.answers.Entries, "answer-cache", 0, "remember so `many` questions with their answers (default none)")
	flags.Float64Var(&f.answers.Similarity, "answer-cache-similarity", api.DefaultSimilarity, "least `cosine` of a question whose answer is given again, above 0 to 1")
	flags.BoolVar(&f.answers.OtherWords, "answer-cache-other-words", false, "give an answer again to similar questions in other words, too")
	flags.Float64Var(&f.answers.Suggest, "suggest-similarity", api.DefaultSuggest, "least `cosine` of a past question that is suggested, above 0 to 1")
	flags.BoolVar(&f.reembed, "reembed", false, "embed collections of another model anew, in the background")
	flags.BoolVar(&f.demo, "demo", false, "serve a small bilingual corpus")
	flags.StringVar(&f.apiKey, "api-key", "", "`key` that requests must carry")
	flags.StringSliceVar(&f.origins, "origin", nil, "web `origins` whose pages may ask")
	flags.Int64Var(&f.limits.Body, "max-body", 32<<20, "`bytes` of a JSON body")
	flags.Int64Var(&f.limits.Document, "max-document", 32<<20, "`bytes` of one document's JSON")
	flags.IntVar(&f.limits.Searches, "max-searches", 64, "searches and embeddings in flight; more are refused with 429")
	flags.DurationVar(&f.limits.Timeout, "timeout", time.Minute, "`time` for one request")
	flags.DurationVar(&f.limits.Drain, "drain", 30*time.Second, "`time` for requests in flight when the server stops")
	return verb(c, noArgs)
}

// checkAnswers refuses settings of the answer cache that make no sense.
func (f *serveFlags) checkAnswers(cmd *cobra.Command) error {
	share := func(x float64) bool { return x > 0 && x <= 1 }
	switch c := f.answers; {
	case c.Entries < 0:
		return usage(cmd, "--answer-cache is %d, it must be at least 0", c.Entries)
	case !share(c.Similarity):
		return usage(cmd, "--answer-cache-similarity is %g, it must be above 0 and at most 1", c.Similarity)
	case !share(c.Suggest):
		return usage(cmd, "--suggest-similarity is %g, it must be above 0 and at most 1", c.Suggest)
	case c.Entries > 0 && f.reader == noReader:
		return usage(cmd, "--answer-cache keeps the answers of a reader; --reader says none")
	}
	return nil
}

func (a *app) serve(ctx context.Context, f *serveFlags) (err error) {
	encoder, err := a.openServerEncoder(ctx, &f.modelFlags)
	if err != nil {
		return err
	}
	defer a.close(encoder)
	reader, closeReader, err := a.openServerReader(ctx, f.reader, &f.modelFlags)
	if err != nil {
		return err
	}
	defer closeReader()
	judges, err := a.openJudges(ctx, &f.judgeFlags, f.load())
	if err != nil {
		return err
	}
	defer a.close(judges)
	listener, err := net.Listen("tcp", f.addr)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return cli.WithHint(err, "another server listens there; choose another port with --addr, 0 for any")
		}
		return err
	}
	defer listener.Close() // the server has closed it, unless it never ran
	if f.data == "" {
		if f.data, err = os.MkdirTemp("", "semdex-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(f.data)) }()
	}
	var options api.Options
	var serviceOptions index.ServiceOptions
	judges.serve(&serviceOptions, &options)
	service, err := a.openLocal(f.data, encoder, serviceOptions, mayBeNew)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	if f.reembed {
		background, stop := context.WithCancel(ctx)
		wait, err := a.startReembedding(background, service)
		defer func() {
			stop()
			if wait != nil {
				wait()
			}
		}()
		if err != nil {
			return err
		}
	}
	url := "http://" + dialable(listener.Addr())
	if f.apiKey == "" && !isLoopback(listener.Addr()) {
		a.warn("everyone who reaches %s can read and change the documents; --api-key asks for a key", listener.Addr())
	}
	options.Index, options.Embedder, options.Reader, options.Log = service, embedder{encoder}, reader, a.serverLogger()
	options.APIKey, options.Origins, options.Local = f.apiKey, f.origins, isLoopback(listener.Addr())
	options.AnswerCache = f.answers
	options.DefaultCollection, options.Limits = f.collection, f.limits
	options.Version = api.Version{Version: readBuild().Version, Commit: readBuild().Commit}
	options.Warm = func(ctx context.Context) error { return a.warm(ctx, service, encoder, url, f) }
	if f.demo && f.collection == "" {
		options.DefaultCollection = demoCollection
	}
	server, err := api.New(options)
	if err != nil {
		return err
	}
	return server.Run(ctx, listener)
}

// warm makes the server ready and says so.
func (a *app) warm(ctx context.Context, service *index.Service, encoder *textEncoder, url string, f *serveFlags) error {
	begin := time.Now()
	if _, err := encoder.EncodeQueries(ctx, []string{"warm up"}); err != nil {
		return err
	}
	if !f.demo {
		a.note("semdex serves %s with %s at %s", f.data, encoder.Name(), url)
		return nil
	}
	articles, err := demo.Articles()
	if err != nil {
		return err
	}
	documents := func(yield func(index.Document, error) bool) {
		for _, article := range articles {
			if !yield(index.Document{ID: article.ID, Title: article.Title, Text: article.Text, Metadata: article.Metadata}, nil) {
				return
			}
		}
	}
	if _, err := service.PutStream(ctx, demoCollection, documents, nil); err != nil {
		return fmt.Errorf("demo corpus: %w", err)
	}
	a.note("semdex serves %d demo documents with %s at %s (ready in %s)\n", len(articles), encoder.Name(), url, progress.Duration(time.Since(begin)))
	if !a.quiet {
		writeTour(a.stderr, url, f.apiKey != "", f.reader != noReader)
	}
	return nil
}

const demoCollection = "demo"

// writeTour prints command lines to paste: with the server's key, and with a
// question if a reader answers it.
func writeTour(w io.Writer, url string, withKey, withReader bool) {
	key := ""
	if withKey {
		key = ` -H "Authorization: Bearer $SEMDEX_API_KEY"`
	}
	type step struct{ path, body string }
	steps := []step{
		{"/search", `{"collection": "demo", "query": "물가가 계속 오르는 현상", "top_k": 3}`},
		{"/search", `{"collection": "demo", "query": "black holes", "filter": "lang = 'ko'", "top_k": 3}`},
		{"/embed", `{"inputs": "search by meaning"}`},
	}
	if withReader {
		steps = append(steps, step{"/qa", `{"collection": "demo", "question": "What is the capital of Finland?", "answers": 1}`})
	}
	for _, step := range steps {
		_, _ = fmt.Fprintf(w, "  curl -s %s%s%s -H 'Content-Type: application/json' \\\n    -d %s\n\n", url, step.path, key, shellQuote(step.body))
	}
	_, _ = fmt.Fprintf(w, "  semdex search --server %s -c demo \"how do vaccines work\"\n\nCtrl-C stops the server.\n", url)
}

// shellQuote makes one word of a string for a POSIX shell.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// dialable is an address that a client on this machine can use.
func dialable(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return addr.String()
	}
	host := tcp.IP.String()
	if tcp.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, fmt.Sprint(tcp.Port))
}

func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
