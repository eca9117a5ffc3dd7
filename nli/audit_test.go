package nli

import (
	"slices"
	"testing"
)

func TestCheck(t *testing.T) {
	train, err := Read(write(t, "train.tsv", "premise\thypothesis\tlabel\tid\n"+
		"A man runs.\tHe moves.\tentailment\tx1\n"+
		"a  man runs.\the moves.\tEntailment\tx2\n"+ // a duplicate of x1
		"A man runs.\tHe moves.\tneutral\tx3\n"+ // x1 with another label
		"He moves.\tA man runs.\tneutral\tx4\n"+ // the other direction is another pair
		"Two dogs.\tAnimals.\tentailment\tx5\n"), Format{})
	if err != nil {
		t.Fatal(err)
	}
	test, err := Read(write(t, "test.tsv", "premise\thypothesis\tlabel\nx\ty\tneutral\ntwo dogs .\tanimals\tentailment\n"), Format{})
	if err != nil {
		t.Fatal(err)
	}
	a := train.Check(nil, test)
	if !slices.Equal(a.Labels, []LabelCount{{"entailment", 3}, {"neutral", 2}}) || a.Rows != 5 || a.Scores != nil {
		t.Errorf("labels %+v of %d", a.Labels, a.Rows)
	}
	if len(a.Duplicates) != 1 || a.Duplicates[0].ID != "x2" || a.Duplicates[0].Before.ID != "x1" {
		t.Errorf("duplicates %+v", a.Duplicates)
	}
	if len(a.Conflicts) != 1 || a.Conflicts[0].Line != 4 || a.Conflicts[0].Before.Line != 2 {
		t.Errorf("conflicts %+v", a.Conflicts)
	}
	if len(a.Leaks) != 1 || a.Leaks[0].ID != "x5" || a.Leaks[0].Before.Path != test.Path || a.Leaks[0].Before.Line != 3 {
		t.Errorf("leaks %+v", a.Leaks)
	}
	if !a.Problems() || test.Check(nil).Problems() {
		t.Error("problems where there are none, or none where there are some")
	}
	rest, leaks, duplicates := train.Without(test)
	if leaks != 1 || duplicates != 1 || len(rest.Rows) != 3 {
		t.Errorf("%d rows are left, %d leaks, %d duplicates", len(rest.Rows), leaks, duplicates)
	}
}

func TestCheckScores(t *testing.T) {
	d, err := Read(write(t, "x.csv", "sentence1,sentence2,score\na,b,1.5\nB,A,1.50\nb,a,2\n"), Format{Kind: Scores})
	if err != nil {
		t.Fatal(err)
	}
	a := d.Check(nil)
	if len(a.Duplicates) != 1 || len(a.Conflicts) != 1 || a.Labels != nil || *a.Scores != (Range{1.5, 2, 5. / 3}) {
		t.Errorf("%+v, scores %+v", a, a.Scores)
	}
}
