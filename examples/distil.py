"""Distillation from a teacher's sixteen likeliest words a row, with and without the mass of all the others.

A seeded teacher with full logits, a smaller student; the student sees the teacher's top-k alone. What stands in the table is
the loss that it is trained on, and how far it is from the whole teacher: the dense KL divergence on rows that it has not seen.
"""

import torch

from ntpgeo.torch import LinearSparseCrossEntropy

VOCAB, INPUTS, TOP, ROWS = 500, 8, 16, 256


class Teacher(torch.nn.Module):
    """Logits [N, V] of two wide random layers; words are rare or frequent, as words are."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(INPUTS, 256), torch.nn.Tanh(), torch.nn.Linear(256, VOCAB))
        torch.nn.init.normal_(self.layers[2].weight, std=0.3)
        self.frequency = -torch.arange(1, VOCAB + 1).log()

    @torch.no_grad()
    def forward(self, inputs):
        return self.layers(inputs) + self.frequency


def distil(teacher, tail, steps=250):
    """Trains a student on the teacher's top-k; returns (step, loss, dense KL) now and then."""
    torch.manual_seed(1)
    body = torch.nn.Sequential(torch.nn.Linear(INPUTS, 128), torch.nn.GELU(), torch.nn.Linear(128, 64))
    head = LinearSparseCrossEntropy(64, VOCAB, bias=True, tail=tail)
    optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=3e-3)
    unseen = torch.randn(256, INPUTS)
    whole = torch.log_softmax(teacher(unseen), 1)
    table = []
    for step in range(steps + 1):
        inputs = torch.randn(ROWS, INPUTS)
        probs, indices = torch.softmax(teacher(inputs), 1).topk(TOP)
        loss = head(body(inputs), indices, probs)
        if step in (0, 10, 30, 100, 250):
            with torch.no_grad():
                student = torch.log_softmax(torch.nn.functional.linear(body(unseen), head.weight, head.bias), 1)
            dense = torch.nn.functional.kl_div(student, whole, reduction="batchmean", log_target=True)
            table.append((step, loss.item(), dense.item()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return table


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    teacher = Teacher()
    seen = torch.softmax(teacher(torch.randn(256, INPUTS)), 1).topk(TOP)[0].sum(1).mean()
    print(f"{TOP} of {VOCAB} words hold {seen:.0%} of the teacher's mass")
    rest, alone = distil(teacher, "rest"), distil(teacher, None)
    print('              tail="rest"              tail=None')
    print("  step       loss   dense KL       loss   dense KL")
    for (step, *of_rest), (_, *of_alone) in zip(rest, alone):
        print("{:6d} {:10.4f} {:10.4f} {:10.4f} {:10.4f}".format(step, *of_rest, *of_alone))


if __name__ == "__main__":
    main()
