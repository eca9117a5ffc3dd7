package local

// roll begins a new log file. If it cannot, the current one simply grows.
func (c *Collection) roll() bool {
	l, err := createLog(c.o.fsys, c.dir, c.manifest.Next, c.manifest.id())
	if err != nil {
		c.log.Warn("cannot begin a new log file; going on with the current one", "error", err)
		return false
	}
	files := append(c.manifestFiles(c.files), manifestFile{Number: l.number, Bytes: l.size})
	renamed, err := c.writeManifest(files, l.number+1)
	if err != nil && !renamed {
		c.log.Warn("cannot begin a new log file; going on with the current one", "error", err)
		l.retire()
		return false
	}
	if err != nil { // which manifest a crash leaves is not known
		_ = c.fail(err)
		_ = l.close()
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files = append(c.files[:len(c.files):len(c.files)], l)
	return true
}

func (c *Collection) manifestFiles(files []*logFile) []manifestFile {
	out := make([]manifestFile, len(files))
	for i, f := range files {
		out[i] = manifestFile{Number: f.number, Bytes: f.size}
	}
	return out
}

// writeManifest replaces the manifest by one with these files.
func (c *Collection) writeManifest(files []manifestFile, next uint32) (renamed bool, err error) {
	m := *c.manifest
	m.Files, m.Next, m.Sequence = files, next, c.sequence
	m.Settings.Fields = mergeFields(c.state.fields, nil)
	if renamed, err = writeManifest(c.o.fsys, c.dir, &m); renamed {
		c.manifest = &m
	}
	return renamed, err
}
