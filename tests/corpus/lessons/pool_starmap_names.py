from itertools import product
from multiprocessing import Pool


def merge_names(a, b):
    return '{} & {}'.format(a, b)


if __name__ == '__main__':
    names = ['Brown', 'Wilson', 'Bartlett']
    with Pool(processes=3) as pool:
        results = pool.starmap(merge_names, product(names, repeat=2))
    print(results)
