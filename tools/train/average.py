#!/usr/bin/env python3
"""The mean of the weights of models that were annealed one after the other from one run: what they agree on.

  average.py OUT RUN1/model RUN2/model...
"""
import argparse

import model as M


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("out"), p.add_argument("models", nargs="+")
    a = p.parse_args()
    nets = [M.load(folder) for folder in a.models]
    parts = [net.state_dict() for net in nets]
    nets[0].load_state_dict({name: sum(part[name] for part in parts) / len(parts) for name in parts[0]})
    M.save(nets[0], a.out)


if __name__ == "__main__":
    main()
